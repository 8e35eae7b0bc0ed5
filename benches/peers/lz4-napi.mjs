// lz4-napi: lz4_flex behind N-API, as frames that the lz4 tool reads, and as bare blocks.
async function openFrames() {
  const { compressFrameSync, decompressFrameSync } = await import("lz4-napi");
  return () => ({ compress: (bytes) => compressFrameSync(bytes), decompress: decompressFrameSync });
}

async function openBlocks() {
  const { compressSync, uncompressSync } = await import("lz4-napi");
  return () => ({ compress: (bytes) => compressSync(bytes), decompress: uncompressSync });
}

export const codecs = [
  { name: "lz4-napi", offers: ["lz4"], open: openFrames },
  { name: "lz4-napi block", offers: ["lz4"], open: openBlocks },
];
