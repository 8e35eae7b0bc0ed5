// Single files: plain tools read them, every codec gives back exactly what was saved, and whatever
// is wrong with one is named.

import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import test from "ava";

import { type Codec, KeepstateError, open, restoreFile, saveFile } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";

const STATE = {
  messages: [{ role: "user", text: 'say "}" and \\ and \u{1f600}' }],
  at: new Date(5),
  map: new Map([[1, new Uint8Array([1, 2])]]),
  big: 2n ** 70n,
  odd: [undefined, NaN, -0],
};
const NAMES = ["a.json", "a.json.gz", "a.json.zst", "a.json.lz4", "a.json.br", "a.ks"];

for (const name of NAMES) {
  test(`${name}: a state comes back exactly, at a key and at a path`, async (t) => {
    await using ks = await open("memory:");
    const file = ks.file<typeof STATE>(`checkpoints/${name}`);
    t.false(await file.exists());
    const options = { agent: "a", session: "b", index: 3, label: "l", metadata: { cost: 1 } };
    const metadata = await file.save(STATE, options);
    t.like(metadata, options);
    t.regex(metadata.hash, /^sha256:[0-9a-f]{64}$/);
    t.true(await file.exists());
    t.deepEqual(await file.restore(), STATE);
    t.deepEqual(await file.metadata(), metadata);
    await file.verify();
    const keys: string[] = [];
    for await (const { key } of ks.files("checkpoints/")) keys.push(key);
    t.deepEqual(keys, [`checkpoints/${name}`]);
    await file.delete();
    await t.throwsAsync(() => file.restore(), { code: "NOT_FOUND" });

    const path = join(await emptyFolder(t), "deep", name);
    await saveFile(path, STATE, { label: "p" });
    t.deepEqual(await restoreFile(path), STATE);
    t.deepEqual(await readdir(join(path, "..")), [name], "no other file is left");
  });

  test(`${name}: every flipped byte and every cut is an error, or changes nothing`, async (t) => {
    const path = join(await emptyFolder(t), name);
    const state = { n: 1, text: "abc" };
    await saveFile(path, state);
    const good = await readFile(path);
    const attempt = async (bytes: Uint8Array): Promise<void> => {
      await writeFile(path, bytes);
      try {
        t.deepEqual(await restoreFile(path), state);
      } catch (error) {
        t.true(error instanceof KeepstateError, String(error));
        t.not((error as KeepstateError).code, "INTERNAL");
      }
    };
    for (let i = 0; i < good.length; i++) {
      const bad = Uint8Array.from(good);
      bad[i] = (bad[i] ?? 0) ^ 0x41;
      await attempt(bad);
      if (i % 4 === 0) await attempt(good.subarray(0, i));
    }
  });
}

test("plain tools read the JSON forms", async (t) => {
  const folder = await emptyFolder(t);
  const path = join(folder, "a.json.gz");
  await saveFile(path, { n: [1, 2] }, { label: "plain", agent: "a" });
  const text = execFileSync("zcat", [path], { encoding: "utf8" });
  const { keepstate, metadata, state } = JSON.parse(text) as Record<string, unknown>;
  t.is(keepstate, 1);
  t.like(metadata, { label: "plain", agent: "a", encoding: "json" });
  t.deepEqual(state, { n: [1, 2] });
  t.deepEqual(Object.keys(JSON.parse(text) as object), ["keepstate", "metadata", "state"]);
});

const refused: [name: string, content: string, code: string][] = [
  ["a.json", "", "CORRUPT"],
  ["a.json", "[1]", "NOT_OURS"],
  ["a.json", '{"some":"thing"}', "NOT_OURS"],
  ["a.json", '{"keepstate":2,"metadata":{},"state":1}', "FORMAT_TOO_NEW"],
  ["a.json", `{"keepstate":1,"metadata":{"hash":"sha256:${"00".repeat(32)}"},"state":1}`, "HASH_MISMATCH"],
  ["a.json", '{"keepstate":1,"metadata":{}', "CORRUPT"],
  ["a.json", '{"keepstate":1,"metadata":{}}', "CORRUPT"],
  ["a.json.gz", "no gzip", "CORRUPT"],
  ["a.ks", "no container", "NOT_OURS"],
  ["a.ks", "KSFILE\x1a\n\x02\0\0\0", "FORMAT_TOO_NEW"],
  ["a.ks", "KSFILE\x1a\n\x01\0\0\0", "CORRUPT"],
];

for (const [name, content, code] of refused) {
  test(`${name} with ${JSON.stringify(content)} is ${code}`, async (t) => {
    const path = join(await emptyFolder(t), name);
    await writeFile(path, content, "latin1");
    const error = await t.throwsAsync(() => restoreFile(path));
    t.is((error as KeepstateError).code, code as KeepstateError["code"], error?.message);
    t.true(error?.message.includes(name));
  });
}

test("spaces and other members do no harm, changed states do", async (t) => {
  const path = join(await emptyFolder(t), "a.json");
  await saveFile(path, { n: 1 });
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace('{"keepstate":1,', '{ "note" : ["}", {"a":1}] ,\n "keepstate" : 1 , '));
  t.deepEqual(await restoreFile(path), { n: 1 });
  await writeFile(path, text.replace('{"n":1}', '{"n":2}'));
  await t.throwsAsync(() => restoreFile(path), { code: "HASH_MISMATCH" });
});

test("a codec of one's own, by name and extension", async (t) => {
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 255);
  const codec: Codec = { name: "flip", extension: "flip", compress: flip, decompress: flip };
  const path = join(await emptyFolder(t), "a.json.flip");
  await saveFile(path, { n: 1 }, { codecs: [codec] });
  t.is((await readFile(path))[0], "{".charCodeAt(0) ^ 255);
  t.deepEqual(await restoreFile(path, { codecs: [codec] }), { n: 1 });
  await t.throwsAsync(() => restoreFile(path), { code: "UNKNOWN_CODEC" });
  await using ks = await open({ store: "memory:", codecs: [codec] });
  await ks.file("b.ks.flip").save({ n: new Map([[1, 2]]) });
  t.deepEqual(await ks.file("b.ks.flip").restore(), { n: new Map([[1, 2]]) });
  await ks.file("c.ks").save({ n: 3 }, { codec: "lz4" });
  t.deepEqual(await ks.file("c.ks").restore(), { n: 3 });
  await t.throwsAsync(() => ks.file("b.ks").save(1, { codec: "filp" }), { code: "UNKNOWN_CODEC" });
  await t.throwsAsync(() => open({ store: "memory:", codecs: [{ ...codec, name: "zstd" }] }), {
    code: "INVALID_ARGUMENT",
  });
});

test("what is wrong with a name, a path or a state is said", async (t) => {
  const folder = await emptyFolder(t);
  await using ks = await open("memory:");
  await t.throwsAsync(() => ks.file("a.txt").save(1), { code: "UNKNOWN_CODEC" });
  await t.throwsAsync(() => ks.file("a.json.xz").save(1), { code: "UNKNOWN_CODEC" });
  await t.throwsAsync(() => restoreFile(join(folder, "none.json")), { code: "NOT_FOUND" });
  await mkdir(join(folder, "folder.json"));
  await t.throwsAsync(() => restoreFile(join(folder, "folder.json")), { code: "NOT_OURS" });
  const error = await t.throwsAsync(() => ks.file("a.json").save({ f: () => 1 }));
  t.like(error, { code: "UNSUPPORTED_TYPE", pointer: "/f" });
  const signal = AbortSignal.abort(new Error("enough"));
  t.is(await t.throwsAsync(() => saveFile(join(folder, "b.json"), 1, { signal })), signal.reason);
});

test("a failed save leaves the old file", async (t) => {
  const folder = await emptyFolder(t);
  const path = join(folder, "a.json");
  await saveFile(path, { n: 1 });
  await t.throwsAsync(() => saveFile(path, { f: Symbol("x") }), { code: "UNSUPPORTED_TYPE" });
  await chmod(folder, 0o555);
  t.teardown(() => chmod(folder, 0o755));
  if (process.getuid?.() !== 0) {
    await t.throwsAsync(() => saveFile(path, { n: 2 }), { code: "PERMISSION" });
  }
  t.deepEqual(await restoreFile(path), { n: 1 });
});
