// What a store can meet on disk: each is a KeepstateError with its code and says what to do, and
// nothing that was there is changed.

import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import test from "ava";

import { KeepstateError, open } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";

async function storeIn(folder: string): Promise<string> {
  const path = join(folder, "state");
  await using ks = await open(path);
  const run = ks.timeline("a/b");
  for (let n = 0; n < 20; n++) await run.save({ n, text: `step ${n} `.repeat(20) });
  return path;
}

async function contentOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of await readdir(folder)) {
    content[name] = (await readFile(join(folder, name))).toString("hex");
  }
  return content;
}

const damages: [name: string, damage: (path: string) => Promise<void>, code: string][] = [
  ["an identity that is not ours", (path) => edit(join(path, "KEEPSTATE"), 0, undefined), "NOT_OURS"],
  ["an identity of a newer version", (path) => makeNewer(join(path, "KEEPSTATE")), "FORMAT_TOO_NEW"],
  ["a damaged identity", (path) => edit(join(path, "KEEPSTATE"), 20, undefined), "CORRUPT"],
  ["a flipped byte in the log", (path) => edit(join(path, "00000001.log"), 300, undefined), "CORRUPT"],
  ["a log cut in the middle", (path) => truncate(join(path, "00000001.log"), 500), "CORRUPT"],
];

/** Writes a greater format version, with a checksum that holds. */
async function makeNewer(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt16LE(2, 8);
  bytes.writeBigUInt64LE(crc64(bytes.subarray(0, -8)), bytes.length - 8);
  await writeFile(path, bytes);
}

/** CRC-64/NVME, bit by bit. */
function crc64(bytes: Uint8Array): bigint {
  const ones = 0xffff_ffff_ffff_ffffn;
  let crc = ones;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x9a6c_9329_ac4b_c9b5n : crc >> 1n;
  }
  return crc ^ ones;
}

async function edit(path: string, at: number, byte: number | undefined): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = byte ?? (bytes[at] ?? 0) ^ 255;
  await writeFile(path, bytes);
}

for (const [name, damage, code] of damages) {
  test(`${name} is ${code}, and nothing is changed by opening`, async (t) => {
    const path = await storeIn(await emptyFolder(t));
    await damage(path);
    const before = await contentOf(path);
    try {
      await using ks = await open(path);
      await ks.timeline("a/b").restore();
      t.fail("it was opened and read");
    } catch (error) {
      t.true(error instanceof KeepstateError, String(error));
      t.is((error as KeepstateError).code, code as KeepstateError["code"], String(error));
      t.regex((error as KeepstateError).message, /[.;] .*|; /, "it says what to do");
    }
    const after = await contentOf(path);
    for (const file of ["KEEPSTATE", "00000001.log"]) t.is(after[file], before[file], file);
  });
}

test("a folder of somebody else's files is left alone", async (t) => {
  const folder = await emptyFolder(t);
  await writeFile(join(folder, "00000001.log"), "a log of another program\n");
  const error = await t.throwsAsync(() => open(folder));
  t.true(error instanceof KeepstateError, String(error));
  t.is(await readFile(join(folder, "00000001.log"), "utf8"), "a log of another program\n");
});

test("a path that is a file is refused", async (t) => {
  const path = join(await emptyFolder(t), "file");
  await writeFile(path, "text");
  for (const url of [path, `dir:${path}`]) {
    await t.throwsAsync(() => open(url), { code: "NOT_OURS", message: /folder/ });
  }
  t.is(await readFile(path, "utf8"), "text");
});

test("create: false makes nothing", async (t) => {
  const folder = await emptyFolder(t);
  for (const store of [join(folder, "log"), `dir:${join(folder, "dir")}`]) {
    await t.throwsAsync(() => open({ store, create: false }), { code: "NOT_FOUND" });
  }
  t.deepEqual(await readdir(folder), []);
});

test("a read-only store reads, and refuses every write", async (t) => {
  const path = await storeIn(await emptyFolder(t));
  await using ks = await open({ store: path, readOnly: true });
  t.like(await ks.timeline("a/b").restore(), { n: 19 });
  await t.throwsAsync(() => ks.timeline("a/b").save({ n: 1 }), { code: "READ_ONLY" });
  await t.throwsAsync(() => ks.store.put("a", new Uint8Array(1)), { code: "READ_ONLY" });
  t.is((await ks.timeline("a/b").show()).sequence, 20);
});

test("two processes' handles on one folder see each other's saves", async (t) => {
  const path = await storeIn(await emptyFolder(t));
  await using left = await open(path);
  await using right = await open(path);
  await left.timeline("a/b").save({ n: 20 });
  t.deepEqual(await right.timeline("a/b").restore(), { n: 20 });
});

test("a damaged snapshot in a folder of plain files is named", async (t) => {
  const folder = join(await emptyFolder(t), "files");
  await mkdir(folder);
  const ks = await open(`dir:${folder}`);
  const run = ks.timeline("a/b");
  for (let n = 0; n < 3; n++) await run.save({ n, text: "x".repeat(100) });
  await ks.close();
  const values = join(folder, "t", "a", "b");
  const names = (await readdir(values)).filter((name) => name.startsWith("000000000002"));
  t.is(names.length, 1);
  await edit(join(values, names[0] ?? ""), 40, undefined);
  await using again = await open(`dir:${folder}`);
  t.deepEqual(await again.timeline("a/b").restore("@1"), { n: 0, text: "x".repeat(100) });
  const error = await t.throwsAsync(() => again.timeline("a/b").restore("@2"));
  t.like(error, { code: "CORRUPT", timeline: "a/b" });
  const { damage } = await again.timeline("a/b").verify();
  t.true(damage.length > 0 && damage.every((one) => one instanceof KeepstateError));
});
