// fflate: deflate in pure JavaScript.
async function open() {
  const { gzipSync, gunzipSync } = await import("fflate");
  const levels = { "gzip 1": 1, "gzip 6": 6 };
  return (codec) => ({
    compress: (bytes) => gzipSync(bytes, { level: levels[codec] }),
    decompress: (bytes) => gunzipSync(bytes),
  });
}

export const codecs = [{ name: "fflate", offers: ["gzip 1", "gzip 6"], open }];
