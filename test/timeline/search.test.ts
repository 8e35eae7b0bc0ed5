// Snapshots tell what was said of them, and are found by it: in one timeline and in all.

import { setTimeout } from "node:timers/promises";

import test from "ava";

import { type Keepstate, open, type SearchOptions } from "../../src/index.js";
import { durationOf, momentOf } from "../../src/timeline/moments.js";
import { all, everywhere } from "../fixtures/places.js";

everywhere("a snapshot tells all that is known of it", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  const options = { label: "l", description: "d", metadata: { cost: 0.5 }, schemaVersion: "3.1" };
  const first = await run.save({ n: 1 }, { ...options, idempotencyKey: "k" });
  t.like(first, { ...options, idempotencyKey: "k", agent: "a", session: "b", format: 1, tags: [] });
  t.is(first.index, first.sequence);
  t.is(first.hash, first.id);
  t.is(first.parent, "0".repeat(64));
  t.true(first.size > 0 && first.storedBytes > 0);
  const second = await run.save({ n: 2 });
  t.is(second.parent, first.id);
  t.false("schemaVersion" in second);
  t.deepEqual(await run.show("@1"), first);
  t.deepEqual((await all(run.list()))[1], second);
  await t.throwsAsync(() => run.save(1, { schemaVersion: 3 as never }), {
    code: "INVALID_ARGUMENT",
    message: /schemaVersion/,
  });
});

async function fill(ks: Keepstate): Promise<void> {
  const run = ks.timeline("planner/run-1");
  await run.save(1, { label: "start", metadata: { step: 1, kind: "plan", at: new Date(5) } });
  await run.save(2, { label: "after the search", description: "Ten PAGES" });
  await run.save(3, { label: "after the edit", metadata: { step: 3, kind: "edit" } });
  await run.save(4, { description: "in the end" });
  await run.tag("v1.0", "@2");
  await run.tag("good", "@4");
  await ks.timeline("planner/run-2").save(1, { label: "start", metadata: { step: 1 } });
  await ks.timeline("coder/run-1").save(1, { label: "start" });
}

const searches: [options: SearchOptions, found: number[]][] = [
  [{}, [1, 2, 3, 4]],
  [{ label: "start" }, [1]],
  [{ label: "after *" }, [2, 3]],
  [{ label: "*the e*" }, [3]],
  [{ label: "after" }, []],
  [{ label: "a.*" }, []],
  [{ label: /^after the \w{4}$/ }, [3]],
  [{ label: /AFTER/gi }, [2, 3]],
  [{ text: "pages" }, [2]],
  [{ text: "THE" }, [2, 3, 4]],
  [{ tag: "good" }, [4]],
  [{ tag: "v*" }, [2]],
  [{ tag: true }, [2, 4]],
  [{ tag: true, text: "end" }, [4]],
  [{ metadata: { kind: "plan" } }, [1]],
  [{ metadata: { at: new Date(5) } }, [1]],
  [{ metadata: { step: (step: unknown) => Number(step) > 1 } }, [3]],
  [{ metadata: { kind: "plan", step: 3 } }, []],
  [{ metadata: { none: undefined } }, []],
  [{ since: "1h" }, [1, 2, 3, 4]],
  [{ since: "2020-01-01", until: "0s", limit: 2 }, [1, 2]],
  [{ until: new Date(0) }, []],
  [{ since: 4e15 }, []],
  [{ label: "after *", reverse: true }, [3, 2]],
  [{ label: "after *", reverse: true, limit: 1 }, [3]],
  [{ after: 1, before: 4, text: "the" }, [2, 3]],
  [{ limit: 0 }, []],
];

everywhere("a search finds what all is true of", async (t, { ks }) => {
  await fill(ks);
  // What was saved in this millisecond was not saved up to now.
  await setTimeout(5);
  const run = ks.timeline("planner/run-1");
  for (const [options, expected] of searches) {
    const found = (await all(run.search(options))).map(({ sequence }) => sequence);
    t.deepEqual(found, expected, JSON.stringify(options));
  }
});

everywhere("a search goes over all timelines, or over some", async (t, { ks }) => {
  await fill(ks);
  const refs = async (options: Parameters<typeof ks.search>[0]): Promise<string[]> =>
    (await all(ks.search(options))).map(({ ref }) => ref);
  t.deepEqual(await refs({ label: "start" }), ["coder/run-1@1", "planner/run-1@1", "planner/run-2@1"]);
  t.deepEqual(await refs({ label: "start", prefix: "planner/" }), ["planner/run-1@1", "planner/run-2@1"]);
  t.deepEqual(await refs({ label: "start", agent: "c*" }), ["coder/run-1@1"]);
  t.deepEqual(await refs({ session: "run-1", limit: 2 }), ["coder/run-1@1", "planner/run-1@1"]);
  t.deepEqual(await refs({ tag: true }), ["planner/run-1@2", "planner/run-1@4"]);
  t.deepEqual(await refs({ agent: "nobody" }), []);
});

test("a wrong search is refused, and says why", async (t) => {
  await using ks = await open("memory:");
  const run = ks.timeline("a/b");
  const wrong: [options: object, says: RegExp][] = [
    [{ lable: "x" }, /no option lable. Did you mean label\?/],
    [{ label: 7 }, /label must be text or a regular expression/],
    [{ text: /x/ }, /text must be text/],
    [{ tag: false }, /tag must be/],
    [{ since: "soon" }, /since must be a Date/],
    [{ until: NaN }, /until must be a Date/],
    [{ metadata: "kind=x" }, /metadata must be an object/],
    [{ limit: -1 }, /limit must be/],
  ];
  for (const [options, message] of wrong) {
    t.throws(() => run.search(options), { code: "INVALID_ARGUMENT", message });
    t.throws(() => ks.search(options), { code: "INVALID_ARGUMENT", message });
  }
  t.throws(() => ks.search({ agent: 7 as never }), { message: /agent must be text/ });
  t.throws(() => run.search({ prefix: "a" } as never), { message: /no option prefix/ });
  t.throws(() => run.search({ after: -1 }), { code: "INVALID_ARGUMENT" });
});

test("lengths of time and moments are read as they are written", (t) => {
  const lengths: [string | number, number][] = [
    [1500, 1500],
    ["30d", 30 * 86_400_000],
    ["1.5h", 5_400_000],
    ["2 w", 2 * 604_800_000],
    ["90s", 90_000],
    ["5m", 300_000],
    ["7ms", 7],
  ];
  for (const [text, expected] of lengths) t.is(durationOf(text, "x"), expected);
  for (const text of ["", "d", "-1d", "1y", "1d2h", -1, NaN, null, {}]) {
    t.throws(() => durationOf(text, "x"), { code: "INVALID_ARGUMENT" }, String(text));
  }
  const now = Date.UTC(2026, 0, 31);
  t.is(momentOf("2026-01-30T00:00:00Z", "x", now), now - 86_400_000);
  t.is(momentOf("1d", "x", now), now - 86_400_000);
  t.is(momentOf(new Date(5), "x", now), 5);
  t.is(momentOf(5, "x", now), 5);
  for (const given of ["yesterday", new Date(NaN), Infinity, null, true, []]) {
    t.throws(() => momentOf(given, "x", now), { code: "INVALID_ARGUMENT" }, String(given));
  }
});

everywhere("a summary of changes tells paths, kinds and sizes", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await run.save({ model: "small", old: true, list: [{ a: 1 }, { b: 2 }], deep: { x: { y: 1 } } });
  await run.save({ model: "large", list: [{ a: 1 }, { b: 3 }, 7], deep: { x: { y: 2, z: 0 } }, at: new Date(0) });
  const summary = await run.diffSummary("@1");
  t.deepEqual(
    summary.map(({ path, kind, changes }) => `${kind} ${path} ${changes}`),
    ["changed /model 1", "removed /old 1", "changed /list 2", "changed /deep 2", "added /at 1"],
  );
  t.like(summary[0], { before: { type: "string", size: 6 }, after: { type: "string", size: 6 } });
  t.like(summary[1], { before: { type: "boolean", size: 1 } });
  t.false("after" in (summary[1] ?? {}));
  t.like(summary[2], { before: { type: "array", count: 2 }, after: { type: "array", count: 3 } });
  t.like(summary[4], { after: { type: "Date" } });
  const paths = async (depth: number): Promise<string[]> =>
    (await run.diffSummary("@1", "@2", { depth })).map(({ path }) => path);
  t.deepEqual(await paths(0), [""]);
  t.deepEqual(await paths(2), ["/model", "/old", "/list/1", "/list/2", "/deep/x", "/at"]);
  t.deepEqual(await paths(9), ["/model", "/old", "/list/1/b", "/list/2", "/deep/x/y", "/deep/x/z", "/at"]);
  t.deepEqual(await run.diffSummary("@2", "@2"), []);
  await run.save({ list: [1, 2, 3, 4, 9] });
  await run.save({ list: [1, 7, 9] });
  const gone = await run.diffSummary("@3", "@4", { depth: 2 });
  t.deepEqual(
    gone.map(({ path, kind }) => `${kind} ${path}`),
    ["changed /list/1", "removed /list/2", "removed /list/3"],
  );
  const wrong = { code: "INVALID_ARGUMENT" } as const;
  await t.throwsAsync(() => run.diffSummary("@1", "@2", { depth: -1 }), wrong);
  await t.throwsAsync(() => run.diffSummary("@1", "@2", { dept: 1 } as never), wrong);
});
