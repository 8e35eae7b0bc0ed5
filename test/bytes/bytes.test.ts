// Codecs and digests for bytes of one's own: both forms give the same, known digests and files of
// other tools agree, and what cannot be is a named error.

import { createHash, randomBytes } from "node:crypto";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";

import test from "ava";

import {
  chunkEnds,
  type CodecName,
  compress,
  compressSync,
  decompress,
  decompressSync,
  digest,
  digestSync,
} from "../../src/index.js";

const CODECS: readonly CodecName[] = ["none", "gzip", "zstd", "lz4", "brotli"];
const bytes = new TextEncoder().encode("the same words again and again, ".repeat(5000));

for (const codec of CODECS) {
  test(`${codec}: what is compressed comes back, at once and by promise`, async (t) => {
    const packed = await compress(bytes, { codec });
    t.deepEqual(compressSync(bytes, { codec }), packed);
    t.true(codec === "none" || packed.length < bytes.length / 20, `${packed.length}`);
    t.deepEqual(await decompress(packed, { codec }), bytes);
    t.deepEqual(decompressSync(packed, { codec }), bytes);
    t.is(decompressSync(compressSync(new Uint8Array(0), { codec }), { codec }).length, 0);
  });

  test(`${codec}: no more than maxLength is made`, async (t) => {
    const packed = await compress(bytes, { codec });
    const options = { codec, maxLength: bytes.length - 1 };
    await t.throwsAsync(() => decompress(packed, options), { name: "KeepstateError" });
    t.throws(() => decompressSync(packed, options), { name: "KeepstateError" });
    t.is(decompressSync(packed, { codec, maxLength: bytes.length }).length, bytes.length);
  });
}

test("Node's own tools read what is written, and the other way", (t) => {
  t.deepEqual(new Uint8Array(gunzipSync(compressSync(bytes, { codec: "gzip" }))), bytes);
  t.deepEqual(new Uint8Array(brotliDecompressSync(compressSync(bytes, { codec: "brotli" }))), bytes);
  t.deepEqual(decompressSync(gzipSync(bytes), { codec: "gzip" }), bytes);
});

test("a level changes how hard it is tried", (t) => {
  const noise = randomBytes(2000).toString("hex");
  const text = new TextEncoder().encode(Array.from({ length: 50 }, (_, n) => noise.slice(n)).join());
  const length = (level: number): number => compressSync(text, { codec: "gzip", level }).length;
  t.true(length(9) < length(1));
});

test("digests are what everybody else's are", async (t) => {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  t.is(digestSync("sha256", bytes), sha256);
  t.is(await digest("sha256", bytes), sha256);
  const nine = new TextEncoder().encode("123456789");
  t.is(digestSync("crc32c", nine), "e3069283");
  const empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
  t.is(digestSync("blake3", new Uint8Array(0)), empty);
});

test("chunks end where the content says, wherever it stands", (t) => {
  const content = randomBytes(3_000_000);
  const ends = chunkEnds(content);
  t.is(ends.at(-1), content.length);
  const shifted = chunkEnds(Buffer.concat([randomBytes(1234), content]));
  const same = shifted.filter((end) => ends.includes(end - 1234));
  t.true(same.length > ends.length / 2, `${same.length} of ${ends.length}`);
  t.deepEqual(chunkEnds(new Uint8Array(0)), []);
});

test("what cannot be is a named error", async (t) => {
  const damaged = compressSync(bytes, { codec: "zstd" }).slice(0, -3);
  await t.throwsAsync(() => decompress(damaged, { codec: "zstd" }), { name: "KeepstateError" });
  t.throws(() => compressSync(bytes, { codec: "zip" as never }), { code: "UNKNOWN_CODEC" });
  t.throws(() => compressSync(bytes, { codec: "gzip", level: 99 }), { code: "INVALID_ARGUMENT" });
  t.throws(() => compressSync(bytes, undefined as never), { code: "INVALID_ARGUMENT" });
  t.throws(() => digestSync("md5" as never, bytes), { code: "INVALID_ARGUMENT" });
  t.throws(() => digestSync("sha256", "text" as never), { code: "INVALID_ARGUMENT" });
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  t.is(await t.throwsAsync(() => digest("sha256", bytes, { signal })), reason);
  t.is(await t.throwsAsync(() => compress(bytes, { codec: "gzip", signal })), reason);
});
