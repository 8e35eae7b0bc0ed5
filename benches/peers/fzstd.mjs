// fzstd: zstd in pure JavaScript; it only decompresses.
async function open() {
  const { decompress } = await import("fzstd");
  return () => ({ decompress: (bytes) => decompress(bytes) });
}

export const codecs = [{ name: "fzstd", offers: ["zstd 1", "zstd 3", "zstd 9"], open }];
