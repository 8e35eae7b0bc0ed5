// Timelines as files and copies of them: out, in and on, over every store; what is wrong leaves
// nothing behind; nothing of a killed process counts.

import { spawn } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

import test from "ava";

import { type Keepstate, open, type Timeline, type TransferProgress } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";
import { MapStore } from "../fixtures/map-store.js";
import { all, everywhere, PLACES } from "../fixtures/places.js";

const COPIER = fileURLToPath(new URL("../fixtures/copy-timeline.js", import.meta.url));

async function grown(run: Timeline, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await run.save({ n, text: `words of ${n} `.repeat(20), at: new Date(n) }, { metadata: { n } });
  }
}

/** All that others see of a timeline. */
async function shown(run: Timeline): Promise<unknown[]> {
  const found = [];
  for (const { id, sequence, label, metadata, tags } of await all(run.list())) {
    found.push({ id, sequence, label, metadata, tags, state: await run.restore(`@${sequence}`) });
  }
  return found;
}

everywhere("a file comes back in any store, and a copy goes on", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await grown(run, 30);
  await run.tag("good", "@17");
  const file = await all(run.export());
  for (const [, optionsOf] of PLACES) {
    await using other = await open(await optionsOf(t));
    const { snapshot, snapshots, bytes } = await other.import("x/y", file);
    t.is(snapshot.ref, "x/y@30");
    t.is(snapshots, 30);
    t.is(bytes, Buffer.concat(file).length);
    const copy = other.timeline("x/y");
    t.deepEqual(await shown(copy), await shown(run));
    t.deepEqual((await other.verify()).damage, []);
    await t.throwsAsync(() => other.import("x/y", file), { code: "CONFLICT", message: /exists/ });
  }
  await using other = await open("memory:");
  await other.import({ agent: "x/y", session: "#1" }, Buffer.concat(file));
  const copy = other.timeline({ agent: "x/y", session: "#1" });
  await grown(run, 5);
  await other.import("x%2Fy/%231", run.export({ after: 30 }));
  t.deepEqual(await shown(copy), await shown(run));
  await copy.save({ n: 0 });
  const parted = { code: "CONFLICT", message: /another name/ } as const;
  await t.throwsAsync(() => other.import("x%2Fy/%231", run.export({ after: 35 })), parted);
});

everywhere("what is wrong with a file leaves nothing", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await grown(run, 10);
  const file = Buffer.concat(await all(run.export()));
  const store = new MapStore();
  const other = await open({ store });
  const flipped = Buffer.from(file);
  flipped[200] = (flipped[200] ?? 0) ^ 8;
  const newer = Buffer.from(file);
  newer[8] = 9;
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield file.subarray(0, file.length - 5);
    throw new Error("the line broke");
  }
  const cases: [source: unknown, says: object][] = [
    [file.subarray(0, file.length - 1), { code: "CORRUPT", message: /too early.*export it again/ }],
    [flipped, { code: "CORRUPT", message: /damaged/ }],
    [newer, { code: "FORMAT_TOO_NEW" }],
    [new Uint8Array(), { code: "CORRUPT" }],
    [Buffer.from("hello"), { code: "NOT_OURS", message: /export/ }],
    [Buffer.from("hello, this is no timeline at all"), { code: "NOT_OURS" }],
    [failing(), { message: "the line broke" }],
    [["text"], { code: "INVALID_ARGUMENT", message: /a string/ }],
    ["a.timeline", { code: "INVALID_ARGUMENT", message: /createReadStream/ }],
    [5, { code: "INVALID_ARGUMENT", message: /iterable/ }],
    [undefined, { code: "INVALID_ARGUMENT" }],
  ];
  for (const [source, says] of cases) {
    await t.throwsAsync(() => other.import("x/y", source as Uint8Array), says);
    t.deepEqual(await all(store.list("")), []);
  }
  await t.throwsAsync(() => other.import("x/y@3", file), { code: "INVALID_REF" });
  await t.throwsAsync(() => other.import("x/y", file, { name: 1 } as never), { code: "INVALID_ARGUMENT" });
  t.throws(() => run.export({ after: -1 }), { code: "INVALID_ARGUMENT" });
  t.throws(() => run.export({ since: 1 } as never), { code: "INVALID_ARGUMENT" });
  await t.throwsAsync(() => all(run.export({ after: 11 })), { code: "NOT_FOUND" });
  await t.throwsAsync(() => all(ks.timeline("a/none").export()), { code: "NOT_FOUND" });
  await other.import("x/y", file);
  t.is((await all(other.timeline("x/y").list())).length, 10);
});

everywhere("signals end exports, imports and copies, and leave nothing", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await grown(run, 10);
  const file = await all(run.export());
  const store = new MapStore();
  const other = await open({ store });
  const stop = new AbortController();
  const reason = new Error("enough");
  async function* hanging(): AsyncGenerator<Uint8Array> {
    yield file[0] as Uint8Array;
    yield file[1] as Uint8Array;
    setTimeout(() => stop.abort(reason), 10);
    await new Promise(() => undefined);
  }
  const importing = other.import("x/y", hanging(), { signal: stop.signal });
  t.is(await importing.catch((error: unknown) => error), reason);
  t.deepEqual(await all(store.list("")), []);
  const { signal } = stop;
  t.is(await all(run.export({ signal })).catch((error: unknown) => error), reason);
  t.is(await run.copyTo(other, { signal }).catch((error: unknown) => error), reason);
  t.deepEqual(await all(store.list("")), []);
});

everywhere("copies go on where an earlier one ended", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await grown(run, 12);
  await run.tag("good", "@3");
  await using other = await open("memory:");
  const told: TransferProgress[] = [];
  const onProgress = (progress: TransferProgress): void => void told.push(progress);
  t.like(await run.copyTo(other, { onProgress }), { snapshots: 12, after: 0, snapshot: { sequence: 12 } });
  t.deepEqual(told.at(-1)?.snapshots, 12);
  const copy = other.timeline("a/b");
  t.deepEqual(await shown(copy), await shown(run));
  t.like(await run.copyTo(other), { snapshots: 0, bytes: 0, after: 12 });
  await grown(run, 4);
  await run.tag("late", "@5");
  await run.tag("later", "@14");
  t.like(await run.copyTo(other, { after: 12 }), { snapshots: 4, after: 12 });
  t.deepEqual(await shown(copy), await shown(run));
  t.deepEqual((await copy.verify()).damage, []);
  t.like(await run.copyTo(other, { name: "x/y", after: 0 }), { snapshots: 16 });
  t.deepEqual(await shown(other.timeline("x/y")), await shown(run));
  await t.throwsAsync(() => run.copyTo(other, { after: 12 }), { code: "CONFLICT", message: /ends at @16/ });
  await t.throwsAsync(() => run.copyTo(other, { name: "x/z", after: 2 }), { code: "CONFLICT" });
  await t.throwsAsync(() => run.copyTo(other, { name: "x/y@1" }), { code: "INVALID_REF" });
  await t.throwsAsync(() => run.copyTo(other, { as: "x/y" } as never), { code: "INVALID_ARGUMENT" });
  await t.throwsAsync(() => ks.timeline("a/none").copyTo(other), { code: "NOT_FOUND" });
  await copy.save({ n: 0 });
  await t.throwsAsync(() => run.copyTo(other), { code: "CONFLICT", message: /which is not here/ });
  await grown(run, 1);
  await t.throwsAsync(() => run.copyTo(other), { code: "CONFLICT", message: /another history/ });
});

everywhere("a copy goes to a store as well, and to another name of its own", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await grown(run, 3);
  const store = new MapStore();
  t.like(await run.copyTo(store), { snapshots: 3 });
  const other = await open({ store });
  t.deepEqual(await shown(other.timeline("a/b")), await shown(run));
  t.like(await run.copyTo(ks, { name: "a/copy" }), { snapshots: 3 });
  t.deepEqual(await shown(ks.timeline("a/copy")), await shown(run));
  t.like(await run.copyTo(ks), { snapshots: 0 });
  for (const wrong of [undefined, "./state", {}, 5]) {
    await t.throwsAsync(() => run.copyTo(wrong as never), { code: "INVALID_ARGUMENT", message: /open/ });
  }
});

everywhere("an import wakes those who watch", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await grown(run, 3);
  const watch = ks.timeline("x/y").watch({ after: 0, interval: 60_000 });
  const first = watch.next();
  await ks.import("x/y", run.export());
  t.is((await first).value?.ref, "x/y@1");
  await watch.return();
});

test("an export is of one moment, whatever is written beside", async (t) => {
  const ks = await open(await emptyFolder(t), { durability: "async" });
  const run = ks.timeline("a/b");
  await grown(run, 20);
  const parts = run.export();
  const file = [(await parts.next()).value as Uint8Array];
  await grown(run, 5);
  await run.prune({ keepLast: 1 });
  for await (const part of parts) file.push(part);
  const { snapshot, snapshots } = await ks.import("x/y", file);
  t.is(snapshots, 20);
  t.is(snapshot.sequence, 20);
  await ks.close();
});

test("where there are no views, parts from before and after a prune make no file", async (t) => {
  const ks = await open({ store: new MapStore() });
  const run = ks.timeline("a/b");
  await grown(run, 20);
  const parts = run.export();
  await parts.next();
  await run.prune({ keepLast: 2 });
  await t.throwsAsync(() => parts.next(), { code: "CONFLICT", message: /export again/ });
});

test("a closed store exports no more, and takes nothing in", async (t) => {
  const ks = await open("memory:");
  const run = ks.timeline("a/b");
  await grown(run, 3);
  const parts = run.export();
  const { value } = await parts.next();
  await ks.close();
  await t.throwsAsync(() => parts.next(), { code: "CLOSED" });
  await t.throwsAsync(() => ks.import("x/y", [value as Uint8Array]), { code: "CLOSED" });
  t.throws(() => run.export(), { code: "CLOSED" });
});

test("streams of files go in and out", async (t) => {
  const folder = await emptyFolder(t);
  await using ks = await open(join(folder, "state"));
  const run = ks.timeline("a/b");
  await grown(run, 5);
  const path = join(folder, "run.timeline");
  await pipeline(Readable.from(run.export()), createWriteStream(path));
  t.like(await ks.import("x/1", createReadStream(path, { highWaterMark: 100 })), { snapshots: 5 });
  const web = new Blob([new Uint8Array(await readFile(path))]).stream();
  t.like(await ks.import("x/2", web), { snapshots: 5 });
});

/** Runs the copier until it has told enough, or to its end. */
async function copier(words: string[], until = Infinity): Promise<number | null> {
  const child = spawn(process.execPath, [COPIER, ...words]);
  child.stderr.pipe(process.stderr);
  let told = 0;
  child.stdout.on("data", (part: Buffer) => {
    told += part.toString().split("\n").length - 1;
    if (told >= until) child.kill("SIGKILL");
  });
  return await new Promise((resolve) => child.on("close", resolve));
}

async function holds(t: { is: (a: unknown, b: unknown) => void }, ks: Keepstate): Promise<void> {
  t.is((await ks.verify()).damage.length, 0);
}

for (const until of [1, 3, 6]) {
  test(`a copy that is killed after ${until} pieces does not count, and is made again`, async (t) => {
    const folder = await emptyFolder(t);
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await using ks = await open(from, { durability: "async" });
    const run = ks.timeline("a/b");
    for (let n = 1; n <= 12; n++) {
      const noise = crypto.getRandomValues(new Uint8Array(60_000));
      await run.save({ n, noise, more: crypto.getRandomValues(new Uint8Array(60_000)) });
    }
    await ks.flush();
    t.is(await copier([from, to, "100000", `${until}`], until), null, "it was killed");
    {
      await using other = await open(to);
      t.deepEqual(await all(other.timelines()), []);
      await t.throwsAsync(() => other.timeline("a/b").show(), { code: "NOT_FOUND" });
      await holds(t, other);
    }
    t.is(await copier([from, to, "1000000"]), 0);
    await using other = await open(to);
    t.deepEqual(await shown(other.timeline("a/b")), await shown(run));
    await holds(t, other);
  });
}
