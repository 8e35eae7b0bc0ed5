// A watch tells each new snapshot once, in order, whoever saved it, and ends when it should.

import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import test from "ava";

import { type Change, open, type Timeline, type Watched } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";
import { MapStore } from "../fixtures/map-store.js";
import { everywhere } from "../fixtures/places.js";

const STEPS = fileURLToPath(new URL("../fixtures/save-steps.js", import.meta.url));

/** The next so many of a watch, which goes on. */
async function take<S>(watch: AsyncIterator<Watched<S>>, count: number): Promise<Watched<S>[]> {
  const found: Watched<S>[] = [];
  while (found.length < count) {
    const { value, done } = await watch.next();
    if (done) break;
    found.push(value);
  }
  return found;
}

async function numbers(run: Timeline, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await run.save({ n });
}

everywhere("each new snapshot comes once and in order", async (t, { ks }) => {
  const run = ks.timeline<{ n: number }>("a/b");
  await run.save({ n: 0 });
  const watch = run.watch();
  const saving = Promise.all(Array.from({ length: 250 }, (_, n) => run.save({ n: n + 1 })));
  const seen = await take(watch, 250);
  await saving;
  t.deepEqual(seen.map(({ sequence }) => sequence), Array.from({ length: 250 }, (_, i) => i + 2));
  t.true(seen.every(({ missed }) => missed === 0));
  t.deepEqual(await seen[99]?.restore(), { n: 100 });
  t.deepEqual(JSON.parse(JSON.stringify(seen[0])).ref, "a/b@2");
  await watch.return();
  t.deepEqual(await watch.next(), { done: true, value: undefined });
});

everywhere("what is saved right behind the call is told, also in an empty timeline", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  const watch = run.watch();
  await run.save({ n: 1 });
  t.like((await take(watch, 1))[0], { sequence: 1, missed: 0 });
  const waiting = watch.next();
  await setTimeout(20);
  await run.save({ n: 2 });
  t.like(await waiting, { done: false, value: { sequence: 2 } });
  await watch.return();
});

everywhere("another handle's saves are seen", async (t, { ks, again }) => {
  const run = ks.timeline("a/b");
  const watch = run.watch({ interval: 10 });
  const other = (await again()).timeline("a/b");
  const seeing = take(watch, 20);
  await numbers(other, 20);
  t.is((await seeing).at(-1)?.sequence, 20);
  await watch.return();
});

everywhere("it begins behind a number, and tells of what was removed", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 6);
  const all = run.watch({ after: 0 });
  t.deepEqual((await take(all, 6)).map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6]);
  const late = run.watch({ after: 4 });
  t.deepEqual((await take(late, 2)).map(({ sequence }) => sequence), [5, 6]);
  await run.delete();
  const { sequence } = await run.save({ n: 7 });
  t.like((await take(late, 1))[0], { sequence, missed: sequence - 7 });
  const resumed = run.watch({ after: 3 });
  t.like((await take(resumed, 1))[0], { sequence, missed: sequence - 4 });
  for (const watch of [all, late, resumed]) await watch.return();
});

everywhere("it ends with its signal, its loop, and the store", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  const reason = new Error("enough");
  const controller = new AbortController();
  const aborted = run.watch({ signal: controller.signal });
  const waiting = aborted.next();
  await setTimeout(10);
  controller.abort(reason);
  t.is(await t.throwsAsync(() => waiting), reason);
  t.true((await aborted.next()).done);
  t.is(await t.throwsAsync(() => run.watch({ signal: AbortSignal.abort(reason) }).next()), reason);

  const left = run.watch();
  const pending = left.next();
  await left.return();
  t.true((await pending).done);

  let seen = 0;
  const looping = (async () => {
    for await (const _ of run.watch({ after: 0 })) if (++seen === 2) break;
  })();
  await numbers(run, 3);
  await looping;
  t.is(seen, 2);

  const open = run.watch();
  const last = open.next();
  await setTimeout(10);
  await ks.close();
  t.true((await last).done);
  t.throws(() => run.watch(), { code: "CLOSED" });
});

everywhere("wrong options are refused", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  const wrong: [options: object, says: RegExp][] = [
    [{ after: -1 }, /after must be a whole number/],
    [{ after: "@3" }, /after must be a whole number/],
    [{ interval: 0 }, /interval must be a whole number from 1/],
    [{ since: 1 }, /no option since/],
  ];
  for (const [options, message] of wrong) {
    t.throws(() => run.watch(options), { code: "INVALID_ARGUMENT", message });
  }
});

test("another process is watched, and nothing is missed", async (t) => {
  const folder = await emptyFolder(t);
  await using ks = await open(folder);
  const run = ks.timeline<{ n: number }>("a/b");
  await run.save({ n: 1 });
  const watch = run.watch();
  const child = spawn(process.execPath, [STEPS, folder, "a/b", "2", "60"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const seen = await take(watch, 60);
  t.deepEqual(seen.map(({ sequence }) => sequence), Array.from({ length: 60 }, (_, i) => i + 2));
  t.is((await seen[59]?.restore())?.n, 61);
  t.is(await ended, 0);
  await watch.return();
});

/** A store whose watch tells of every change. */
class Telling extends MapStore {
  readonly #waiting = new Set<() => void>();
  readonly prefixes: string[] = [];

  constructor() {
    super({ supports: { watch: true } });
  }

  override async commit(...given: Parameters<MapStore["commit"]>): Promise<string[]> {
    const versions = await super.commit(...given);
    for (const wake of this.#waiting) wake();
    return versions;
  }

  async *watch(prefix: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<Change> {
    this.prefixes.push(prefix);
    for (let cursor = 1; ; cursor++) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.add(resolve);
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
      yield { gap: true, cursor: String(cursor) };
    }
  }
}

test("a store that tells of changes wakes its watches at once", async (t) => {
  const store = new Telling();
  await using ks = await open({ store });
  await using other = await open({ store });
  const watch = ks.timeline("a/b").watch();
  const seeing = take(watch, 3);
  await setTimeout(50);
  const begun = performance.now();
  await numbers(other.timeline("a/b"), 3);
  t.is((await seeing).length, 3);
  t.true(performance.now() - begun < 900, "sooner than a poll would");
  t.deepEqual(store.prefixes, ["t/a/b/"]);
  await watch.return();
});

test("a store whose watch fails is asked instead", async (t) => {
  class Failing extends Telling {
    override async *watch(): AsyncGenerator<Change> {
      throw new Error("no watch today");
    }
  }
  const store = new Failing();
  await using ks = await open({ store });
  await using other = await open({ store });
  const watch = ks.timeline("a/b").watch();
  const seeing = take(watch, 1);
  await numbers(other.timeline("a/b"), 1);
  t.is((await seeing).length, 1);
  await watch.return();
});
