// States in pieces: from whatever source, over whatever store, what came in comes out, or nothing is
// saved. And memory does not grow with the state.

import { fork } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import test, { type ExecutionContext } from "ava";

import { type Keepstate, KeepstateError, open } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";
import { MapStore } from "../fixtures/map-store.js";
import { IN_MEMORY } from "../fixtures/places.js";

const MB = 2 ** 20;

function* cut(state: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < state.length; at += size) yield state.subarray(at, at + size);
}

async function* later<T>(pieces: Iterable<T>): AsyncGenerator<T> {
  for (const piece of pieces) {
    await setTimeout(0);
    yield piece;
  }
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

for (const [place, options] of IN_MEMORY) {
  const over = (what: string, attempt: (t: ExecutionContext, ks: Keepstate) => Promise<void>): void =>
    test(`${place}: ${what}`, async (t) => {
      await using ks = await open(options());
      await attempt(t, ks);
    });

  over("every kind of source is saved, and comes back in every way", async (t, ks) => {
    const run = ks.timeline("a/b");
    const state = randomBytes(3 * MB + 7);
    const sources = [
      () => [state],
      () => cut(state, 100_003),
      () => later(cut(state, 300_000)),
      () => Readable.from(cut(state, 65_536)),
      () => Readable.toWeb(Readable.from(cut(state, 65_536))) as ReadableStream<Uint8Array>,
    ];
    for (const [n, source] of sources.entries()) {
      const saved = await run.saveStream(source(), { label: `way ${n}`, metadata: { n } });
      t.like(saved, { sequence: n + 1, size: state.length, encoding: "bytes", label: `way ${n}` });
      t.deepEqual(saved.metadata, { n });
    }
    t.true((await all(run.restoreStream())).equals(state));
    t.true((await all(Readable.fromWeb(run.restoreStream("@2") as never))).equals(state));
    t.true(Buffer.from((await run.restore("@3")) as Uint8Array).equals(state));
    t.deepEqual((await run.verify()).damage, []);
  });

  over("what was saved at once is given in pieces, and goes on beside streams", async (t, ks) => {
    const run = ks.timeline<unknown>("a/b");
    const state = { text: "x".repeat(1000), file: randomBytes(MB) };
    await run.save(state);
    await run.saveStream([]);
    await run.saveStream([Buffer.from("short")]);
    state.text = "changed";
    const [streamed, saved] = await Promise.all([
      run.saveStream(later(cut(state.file, 50_000))),
      run.save(state),
    ]);
    t.deepEqual([streamed.sequence, saved.sequence].sort(), [4, 5]);
    state.text = "again";
    await run.save(state);
    const restored = (await run.restore()) as typeof state;
    t.is(restored.text, "again");
    t.true(state.file.equals(restored.file));
    const { bytes } = await run.restoreBytes();
    t.true((await all(run.restoreStream())).equals(bytes));
    t.is((await all(run.restoreStream("@2"))).length, 0);
    t.is((await all(run.restoreStream("@3"))).toString(), "short");
    t.deepEqual((await run.verify()).damage, []);
  });

  over("a source that fails, or is given up, leaves no snapshot", async (t, ks) => {
    const run = ks.timeline<string>("a/b");
    await run.save("before");
    const broken = new Error("the disk is gone");
    let closed = 0;
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield randomBytes(3 * MB);
      await setTimeout(1);
      throw broken;
    }
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield randomBytes(MB);
      } finally {
        closed += 1;
      }
    }
    t.is(await t.throwsAsync(run.saveStream(failing())), broken);
    const abort = new AbortController();
    const given = run.saveStream(endless(), { signal: abort.signal });
    await setTimeout(30);
    abort.abort(new Error("enough"));
    await t.throwsAsync(given, { message: "enough" });
    await setTimeout(30);
    t.is(closed, 1);
    const hanging = new AbortController();
    const stuck = run.saveStream(later([new Promise(() => undefined)] as never[]), {
      signal: hanging.signal,
    });
    await setTimeout(5);
    hanging.abort(new Error("too long"));
    await t.throwsAsync(stuck, { message: "too long" });
    const wrong = run.saveStream(["text"] as never[]);
    await t.throwsAsync(wrong, { instanceOf: KeepstateError, code: "INVALID_ARGUMENT" });
    const none = run.saveStream(5 as never);
    await t.throwsAsync(none, { instanceOf: KeepstateError, code: "INVALID_ARGUMENT" });
    t.is(await run.restore(), "before");
    t.is((await run.show()).sequence, 1);
  });

  over("a reader may stop, or be stopped, at any piece", async (t, ks) => {
    const run = ks.timeline("a/b");
    const state = randomBytes(9 * MB);
    await run.saveStream(cut(state, MB));
    for await (const piece of run.restoreStream()) {
      t.true(piece.length > 0 && Buffer.from(piece).equals(state.subarray(0, piece.length)));
      break;
    }
    const abort = new AbortController();
    const stream = run.restoreStream("@1", { signal: abort.signal });
    await t.throwsAsync(
      async () => {
        for await (const piece of stream) abort.abort(new Error(`after ${piece.length > 0}`));
      },
      { message: "after true" },
    );
    await t.throwsAsync(all(run.restoreStream("@7")), { code: "NOT_FOUND" });
    t.throws(() => run.restoreStream("seven"), { code: "INVALID_REF" });
  });
}

test("the same attachment again, and in another timeline, costs next to nothing", async (t) => {
  const store = new MapStore();
  await using ks = await open({ store });
  const weight = async (): Promise<number> => {
    let sum = 0;
    for await (const entry of store.list("")) sum += entry.size;
    return sum;
  };
  const file = randomBytes(2 * MB);
  const run = ks.timeline<unknown>("a/b");
  await run.save({ files: [file] });
  await run.save({ files: [] });
  const before = await weight();
  t.true(before > 2 * MB);
  await run.save({ title: "again", files: [file] });
  await ks.timeline("other/one").save({ deep: { inside: [1, { file }] } });
  await ks.timeline("other/two").saveStream([file]);
  const more = (await weight()) - before;
  t.true(more < 100_000, `${more} bytes more`);
  const other = ks.timeline<{ deep: { inside: [number, { file: Uint8Array }] } }>("other/one");
  t.true(file.equals((await other.restore()).deep.inside[1].file));
});

test("a save beside a stream of the same timeline builds on what was saved last", async (t) => {
  await using ks = await open("memory:");
  const run = ks.timeline<unknown>("a/b");
  const state = { n: 0, filler: "y".repeat(5000) };
  let over = (): void => undefined;
  const gate = new Promise<void>((resolve) => (over = resolve));
  async function* waiting(): AsyncGenerator<Uint8Array> {
    yield randomBytes(MB);
    await gate;
  }
  await run.save(state);
  const streamed = run.saveStream(waiting());
  for (state.n = 1; state.n < 5; state.n++) await run.save(state);
  over();
  t.is((await streamed).sequence, 6);
  await run.save(state);
  t.deepEqual(await run.restore(), state);
  t.deepEqual((await run.verify()).damage, []);
});

/** Saves and restores so many MB in a process of its own; gives what its memory grew by. */
function inChild(folder: string, megabytes: number): Promise<{ grown: number; equal: boolean }> {
  const path = fileURLToPath(new URL("../fixtures/stream-child.js", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(path, [folder, String(megabytes)]);
    child.once("message", resolve as (message: unknown) => void);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

// With KEEPSTATE_LONG=1 it is a gigabyte.
test("memory does not grow with the state", async (t) => {
  t.timeout(600_000);
  const megabytes = process.env["KEEPSTATE_LONG"] === undefined ? 100 : 1024;
  const { grown, equal } = await inChild(await emptyFolder(t), megabytes);
  t.log(`streams, ${megabytes} MB in and out: ${grown} MB of memory`);
  t.true(equal);
  t.true(grown < 100, `${grown} MB`);
});

test("hashes of pieces are those of the whole", async (t) => {
  await using ks = await open("memory:");
  const state = randomBytes(5 * MB);
  const sum = createHash("sha256");
  await ks.timeline("a/b").saveStream(cut(state, 70_001));
  for await (const piece of ks.timeline("a/b").restoreStream()) sum.update(piece);
  t.is(sum.digest("hex"), createHash("sha256").update(state).digest("hex"));
});
