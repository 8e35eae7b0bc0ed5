// zstd-napi: the reference implementation behind N-API.
const LEVELS = { "zstd 1": 1, "zstd 3": 3, "zstd 9": 9 };

async function open() {
  const { compress, decompress } = await import("zstd-napi");
  return (codec) => ({
    compress: (bytes) => compress(bytes, { compressionLevel: LEVELS[codec] }),
    decompress,
  });
}

export const codecs = [{ name: "zstd-napi", offers: Object.keys(LEVELS), open }];
