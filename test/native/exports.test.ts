// Codecs, digests, chunks, sealing and repair through the addon: known answers, round trips,
// refusals.

import { appendFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

import { settled, value } from "../../src/native/record.js";
import { addon, inFolder } from "./_testing.js";

const TEXT = new TextEncoder().encode("keepstate ".repeat(20_000));
const SMALL = TEXT.subarray(0, 100);

test("digests are the well-known ones, on this thread and on the pool", async (t) => {
  const known = {
    blake3: "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    crc32c: "364b3fb7",
  };
  const abc = new TextEncoder().encode("abc");
  for (const name of ["blake3", "sha256", "crc32c"] as const) {
    t.is(value(addon.digestSync(name, abc)), known[name]);
    t.is(await settled(addon.digest(name, TEXT)), value(addon.digestSync(name, TEXT)));
  }
  t.throws(() => value(addon.digestSync("md5" as "blake3", abc)), { code: "INVALID_ARGUMENT" });
});

test("each codec gives back what it took, and no more than was allowed", async (t) => {
  for (const codec of ["none", "gzip", "zstd", "lz4", "brotli"] as const) {
    const packed = value(addon.compressSync(codec, TEXT));
    t.deepEqual(Buffer.from(await settled(addon.compress(codec, TEXT))), Buffer.from(packed));
    const options = { maxLength: TEXT.length };
    const whole = await settled(addon.decompress(codec, packed, options));
    t.is(Buffer.compare(whole, TEXT), 0);
    t.is(Buffer.compare(value(addon.decompressSync(codec, packed, options)), TEXT), 0);
    const less = { maxLength: TEXT.length - 1 };
    t.throws(() => value(addon.decompressSync(codec, packed, less)), { code: "VALUE_TOO_LARGE" });
  }
  const level = (level: number): unknown => value(addon.compressSync("zstd", SMALL, level));
  t.throws(() => level(99), { code: "INVALID_ARGUMENT" });
  t.throws(() => level(1.5), { code: "INVALID_ARGUMENT" });
  const unknown = "xz" as "zstd";
  t.throws(() => value(addon.compressSync(unknown, SMALL)), { code: "UNKNOWN_CODEC" });
});

test("chunks end where the content says, and cover it", (t) => {
  const bytes = new Uint8Array(300_000).map((_, i) => Math.imul(i, 2_654_435_761) >>> 24);
  const ends = value(addon.chunk(bytes));
  t.is(ends.at(-1), bytes.length);
  t.deepEqual([...ends].sort((a, b) => a - b), ends);
  t.deepEqual(value(addon.chunk(new Uint8Array())), []);
});

test("a sealed value opens with its key and at its place alone", async (t) => {
  const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const old = value(addon.keyRing([["one", one]]));
  const both = value(addon.keyRing([["two", two], ["one", one]]));
  for (const raw of [new Uint8Array(), SMALL, TEXT]) {
    const sealed = await settled(old.seal("a", raw));
    t.is(Buffer.compare(await settled(both.open("a", sealed)), raw), 0);
    await t.throwsAsync(settled(both.open("b", sealed)), { code: "SEAL_BROKEN" });
    const changed = sealed.slice();
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await t.throwsAsync(settled(old.open("a", changed)), { code: "SEAL_BROKEN" });
    const newer = await settled(both.seal("a", raw));
    await t.throwsAsync(settled(old.open("a", newer)), { code: "KEY_UNKNOWN" });
  }
  const short = new Uint8Array(31);
  t.throws(() => value(addon.keyRing([["one", short]])), { code: "INVALID_ARGUMENT" });
  t.throws(() => value(addon.keyRing([])), { code: "INVALID_ARGUMENT" });
});

test("a damaged log is refused, and repaired when asked to", async (t) => {
  await inFolder(async (folder) => {
    const store = value(await addon.openLog(folder, {}));
    for (let i = 0; i < 20; i += 1) await settled(store.put(`key-${i}`, SMALL));
    await settled(store.close());
    const [segment = ""] = readdirSync(folder).filter((name) => name.endsWith(".log"));
    const path = join(folder, segment);
    const bytes = readFileSync(path);
    const at = bytes.indexOf("key-7");
    bytes[at + 10] = (bytes[at + 10] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    appendFileSync(join(folder, "checkpoint"), "x"); // so that the log itself is read
    const refused = await settled(addon.openLog(folder, {})).then((store) => store, (e: unknown) => e);
    t.like(refused, { code: "CORRUPT" });
    const repaired = await settled(addon.repairLog(folder));
    t.true(repaired.kept >= 18 && repaired.lost.length > 0 && repaired.copies.length > 0);
    const again = value(await addon.openLog(folder, {}));
    t.is((await settled(again.get("key-6")))?.value.length, 100);
    await settled(again.close());
    const nothing = await settled(addon.repairLog(join(folder, "..", "no-such-folder"))).catch((e: unknown) => e);
    t.true(nothing instanceof Error);
  });
});
