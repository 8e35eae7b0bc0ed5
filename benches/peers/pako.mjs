// pako: zlib ported to JavaScript.
async function open() {
  const { gzip, ungzip } = await import("pako");
  const levels = { "gzip 1": 1, "gzip 6": 6 };
  return (codec) => ({
    compress: (bytes) => gzip(bytes, { level: levels[codec] }),
    decompress: (bytes) => ungzip(bytes),
  });
}

export const codecs = [{ name: "pako", offers: ["gzip 1", "gzip 6"], open }];
