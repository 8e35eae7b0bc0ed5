// lz4-napi: lz4_flex behind N-API, in the frame format that the lz4 tool reads.
async function open() {
  const { compressFrameSync, decompressFrameSync } = await import("lz4-napi");
  return () => ({ compress: (bytes) => compressFrameSync(bytes), decompress: decompressFrameSync });
}

export const codecs = [{ name: "lz4-napi", offers: ["lz4"], open }];
