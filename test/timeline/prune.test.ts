// Prune removes what no rule keeps and says why the rest stays; packs change where snapshots lie
// and nothing else, on demand and in the background.

import { setTimeout } from "node:timers/promises";

import test, { type ExecutionContext } from "ava";

import { type Keepstate, KeepstateError, open, type Timeline } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";
import type { TimelineCore } from "../../src/timeline/core.js";
import { Packer } from "../../src/timeline/packer.js";
import { MapStore } from "../fixtures/map-store.js";
import { all, everywhere } from "../fixtures/places.js";

async function numbers(run: Timeline, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await run.save({ n, filler: "x".repeat(50) });
}

const off = { packing: "off" } as const;

everywhere("prune tells what goes, what stays and why", async (t, { ks }) => {
  if (!ks.store.supports.commit) return withoutBatches(t, ks);
  const run = ks.timeline<{ n: number }>("a/b");
  await numbers(run as Timeline, 30);
  await run.tag("good", "@3");
  await run.fork("a/c", "@2");
  await run.pack();
  const policy = { keepLast: 5, keepEvery: 10 };
  const would = await run.prune({ ...policy, dryRun: true });
  t.deepEqual(would.runs, [
    { from: "@1", to: "@2", count: 2, stays: true, because: "fork" },
    { from: "@3", to: "@3", count: 1, stays: true, because: "tag" },
    { from: "@4", to: "@9", count: 6, stays: false },
    { from: "@10", to: "@10", count: 1, stays: true, because: "every" },
    { from: "@11", to: "@19", count: 9, stays: false },
    { from: "@20", to: "@20", count: 1, stays: true, because: "every" },
    { from: "@21", to: "@25", count: 5, stays: false },
    { from: "@26", to: "@30", count: 5, stays: true, because: "last" },
  ]);
  t.like(would, { removed: 20, kept: 10 });
  t.is((await all(run.list())).length, 30, "a dry run changes nothing");
  const pruned = await run.prune(policy);
  t.deepEqual(pruned.runs, would.runs);
  const left = (await all(run.list())).map(({ sequence }) => sequence);
  t.deepEqual(left, [1, 2, 3, 10, 20, 26, 27, 28, 29, 30]);
  for (const n of left) t.is((await run.restore(`@${n}`)).n, n);
  await t.throwsAsync(() => run.restore("@4"), { code: "NOT_FOUND" });
  t.deepEqual((await run.verify()).damage, []);
  t.is((await run.save({ n: 31 })).sequence, 31);
}, off);

/** Without batches the newest values, which a writer may go on with, stay as they are. */
async function withoutBatches(t: ExecutionContext, ks: Keepstate): Promise<void> {
  const run = ks.timeline<{ n: number }>("a/b");
  await numbers(run as Timeline, 200);
  await run.tag("good", "@3");
  const { runs, removed, kept } = await run.prune({ keepLast: 5, keepEvery: 10 });
  t.true(removed > 100);
  t.is(removed + kept, 200);
  t.deepEqual(runs[1], { from: "@3", to: "@3", count: 1, stays: true, because: "tag" });
  const open = runs.filter((one) => one.stays && one.because === "open");
  t.true(open.every(({ from }) => Number(from.slice(1)) > 100), JSON.stringify(open));
  const left = await all(run.list());
  t.is(left.length, kept);
  for (const { sequence } of left) t.is((await run.restore(`@${sequence}`)).n, sequence);
  await t.throwsAsync(() => run.restore("@4"), { code: "NOT_FOUND" });
  t.deepEqual((await run.verify()).damage, []);
}

everywhere("tags hold what they name, unless it is said that they do not", async (t, { ks }) => {
  if (!ks.store.supports.commit) return void t.pass("what a writer may go on with stays");
  const run = ks.timeline("a/b");
  await numbers(run, 6);
  await run.tag("good", "@2");
  await run.pack();
  t.like(await run.prune({ keepTagged: true }), { removed: 4, kept: 2 });
  t.deepEqual((await all(run.list())).map(({ sequence }) => sequence), [2, 6]);
  t.like(await run.prune({ keepLast: 1, keepTagged: false }), { removed: 1, kept: 1 });
  t.deepEqual(await run.tags(), []);
}, off);

everywhere("only what is old enough goes", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 4);
  await run.pack();
  const young = { runs: [{ from: "@1", to: "@3", stays: true, because: "young" }, { because: "last" }] };
  t.like(await run.prune({ olderThan: "30d", dryRun: true }), young);
  t.like(await run.prune({ olderThan: 3_600_000, dryRun: true }), young);
  const removed = 3;
  t.like(await run.prune({ olderThan: new Date(Date.now() + 1000), dryRun: true }), { removed });
  await setTimeout(20);
  t.like(await run.prune({ olderThan: "1ms" }), { removed, kept: 1 });
}, off);

everywhere("a prune without a rule, or with a wrong one, is refused", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await t.throwsAsync(() => run.prune({ keepLast: 1 }), { code: "NOT_FOUND" });
  await numbers(run, 3);
  const wrong: [options: object, says: RegExp][] = [
    [{}, /keepLast, keepTagged, olderThan or keepEvery/],
    [{ dryRun: true }, /Say what is to stay/],
    [{ keeplast: 3 }, /no option keeplast. Did you mean keepLast\?/],
    [{ keepLast: 0 }, /keepLast must be a whole number from 1, not 0/],
    [{ keepLast: 1.5 }, /whole number/],
    [{ keepLast: "5" }, /whole number/],
    [{ keepEvery: -1 }, /keepEvery must/],
    [{ olderThan: "soon" }, /"30d"/],
    [{ olderThan: new Date(NaN) }, /olderThan must/],
    [{ olderThan: -5 }, /olderThan must/],
    [{ keepLast: 1, keepTagged: 0 }, /keepTagged must be true or false/],
    [{ keepLast: 1, dryRun: "no" }, /dryRun must be true or false/],
  ];
  for (const [options, message] of wrong) {
    await t.throwsAsync(() => run.prune(options), { code: "INVALID_ARGUMENT", message });
  }
  await t.throwsAsync(() => run.prune(null as never), { code: "INVALID_ARGUMENT" });
  t.is((await all(run.list())).length, 3);
});

everywhere("a pack changes nothing but where snapshots lie", async (t, { ks, again }) => {
  const run = ks.timeline<{ n: number }>("a/b");
  await numbers(run as Timeline, 150);
  const before = await all(run.list());
  const packed = await run.pack({ level: 3 });
  t.true(packed.valuesBefore >= 100 && packed.values < 5, JSON.stringify(packed));
  t.true(packed.writtenBytes > 0);
  const told = ({ id, time, size }: (typeof before)[number]): unknown => ({ id, time, size });
  t.deepEqual((await all(run.list())).map(told), before.map(told));
  const other = (await again()).timeline<{ n: number }>("a/b");
  for (const n of [1, 64, 65, 150]) t.is((await other.restore(`@${n}`)).n, n);
  t.deepEqual((await other.verify()).damage, []);
  t.is((await run.save({ n: 151 })).sequence, 151);
  for (const level of [0, 20, 1.5, "9" as never]) {
    await t.throwsAsync(() => run.pack({ level }), { code: "INVALID_ARGUMENT", message: /level/ });
  }
}, off);

everywhere("saves are packed in the background", async (t, { ks }) => {
  const run = ks.timeline<{ n: number }>("a/b");
  await numbers(run as Timeline, 300);
  for (let i = 0; i < 200 && Number((await ks.stats())["packs"]) === 0; i++) await setTimeout(20);
  const { packs = 0, packFailures, packFailure } = await ks.stats();
  t.true(Number(packs) > 0);
  t.is(packFailures, 0, String(packFailure));
  for (const n of [1, 100, 300]) t.is((await run.restore(`@${n}`)).n, n);
  const { valuesBefore } = await run.pack();
  t.true(valuesBefore < 280, `${valuesBefore} values`);
  t.deepEqual((await run.verify()).damage, []);
});

/** A timeline that is always due, and packs until it is let go. */
function due(): { core: TimelineCore; asked: () => number; letGo: () => void } {
  let asked = 0;
  let letGo = (): void => undefined;
  const packing = new Promise<undefined>((resolve) => (letGo = () => resolve(undefined)));
  const maintain = (): Promise<undefined> => (asked++, packing);
  return { core: { maintain } as never, asked: () => asked, letGo: () => letGo() };
}

test.serial("one packs at a time in an environment, and close waits for its own", async (t) => {
  const [first, second] = [due(), due()];
  const [left, right] = [new Packer({ isOn: true }), new Packer({ isOn: true })];
  left.saved(first.core);
  right.saved(second.core);
  right.saved(second.core);
  t.deepEqual([first.asked(), second.asked()], [1, 0]);
  let isClosed = false;
  const closing = left.close().then(() => (isClosed = true));
  await setTimeout(5);
  t.false(isClosed, "a pack is under way");
  first.letGo();
  await closing;
  await setTimeout(1);
  t.is(second.asked(), 1, "the next one has its turn");
  t.like(left.figures(), { packs: 1, packFailures: 0 });
  left.saved(first.core);
  second.letGo();
  await right.close();
  t.is(first.asked(), 1, "nothing begins behind a close");
});

everywhere("packing can be switched off", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 200);
  t.like(await ks.stats(), { packs: 0 });
  t.true((await run.pack()).valuesBefore >= 190);
}, off);

const isPack = (key: string): boolean => /\/p[0-9]{12}-[^/]*$/.test(key);

class Unwilling extends MapStore {
  /** Refuses packs, once it is told to. */
  refuses = false;
  override async put(...given: Parameters<MapStore["put"]>): Promise<string> {
    if (this.refuses && isPack(given[0])) {
      throw new KeepstateError("UNAVAILABLE", "Not now; try again.");
    }
    return super.put(...given);
  }
  override async commit(...given: Parameters<MapStore["commit"]>): Promise<string[]> {
    if (this.refuses && given[0].some(({ op, key }) => op === "put" && isPack(key))) {
      throw new KeepstateError("UNAVAILABLE", "Not now; try again.");
    }
    return super.commit(...given);
  }
}

test("a failure of packing is none of a save, and is told", async (t) => {
  const store = new Unwilling();
  const failures: unknown[] = [];
  const ks = await open({ store, onError: (error) => failures.push(error) });
  const run = ks.timeline("a/b");
  store.refuses = true;
  await numbers(run, 200);
  const isFailed = async (): Promise<boolean> => Number((await ks.stats())["packFailures"]) > 0;
  for (let i = 0; i < 500 && !(await isFailed()); i++) await setTimeout(20);
  const stats = await ks.stats();
  t.true(Number(stats["packFailures"]) > 0);
  t.is(stats["packFailure"], "Not now; try again.");
  t.true(failures.length > 0 && failures.every((one) => one instanceof KeepstateError));
  store.refuses = false;
  for (let i = 0; i < 50 && Number((await ks.stats())["packs"]) === 0; i++) {
    await numbers(run, 70);
    await setTimeout(20);
  }
  t.true(Number((await ks.stats())["packs"]) > 0, "what was not packed is packed later");
  t.deepEqual((await run.verify()).damage, []);
  await ks.close();
});

test("onError must be a function, and packing auto or off", async (t) => {
  const wrong = { code: "INVALID_CONFIG" } as const;
  await t.throwsAsync(() => open({ store: "memory:", onError: 7 as never }), wrong);
  await t.throwsAsync(() => open({ store: "memory:", packing: "on" as never }), {
    ...wrong,
    message: /packing must be auto or off/,
  });
});

test("a read-only store never packs", async (t) => {
  const folder = await emptyFolder(t);
  const ks = await open(folder, { packing: "off" });
  await numbers(ks.timeline("a/b"), 150);
  await ks.close();
  await using reader = await open(folder, { readOnly: true });
  const run = reader.timeline<{ n: number }>("a/b");
  t.is((await run.restore()).n, 150);
  t.like(await reader.stats(), { packs: 0, packFailures: 0 });
  await t.throwsAsync(() => run.pack(), { code: "READ_ONLY" });
  await t.throwsAsync(() => run.prune({ keepLast: 1 }), { code: "READ_ONLY" });
  await t.throwsAsync(() => run.tag("x"), { code: "READ_ONLY" });
  t.like(await run.prune({ keepLast: 1, dryRun: true }), { removed: 149 });
});
