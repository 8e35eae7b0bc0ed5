// Forks share history and go on by themselves; tags hold what they name and move only by
// compare-and-set; listings of timelines and snapshots know both.

import { all, everywhere } from "../fixtures/places.js";
import type { Timeline } from "../../src/index.js";

async function numbers(run: Timeline, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await run.save({ n });
}

everywhere("a fork shares the history and goes on by itself", async (t, { ks, again }) => {
  const run = ks.timeline<{ n: number }>("planner/run-42");
  await numbers(run as Timeline, 20);
  const trial = await run.fork("planner/run-42-b", "@17");
  t.is(trial.ref, "planner/run-42-b");
  t.deepEqual(await trial.restore(), { n: 17 });
  t.is((await trial.show()).ref, "planner/run-42-b@17");
  t.is((await trial.save({ n: -18 })).sequence, 18);
  t.deepEqual(await run.restore("@18"), { n: 18 });
  t.deepEqual(await trial.restore("@18"), { n: -18 });
  t.is((await all(trial.list())).length, 18);
  const deeper = await trial.fork({ agent: "a/b", session: "#1" });
  t.is(deeper.ref, "a%2Fb/%231");
  t.deepEqual(await deeper.restore("@3"), { n: 3 });
  const other = (await again()).timeline("planner/run-42-b");
  t.deepEqual(await other.restore(), { n: -18 });
  t.deepEqual((await trial.verify()).damage, []);
});

everywhere("a fork begins where it is told, and its name must be free", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await t.throwsAsync(() => run.fork("a/c"), { code: "NOT_FOUND" });
  await numbers(run, 3);
  await run.tag("two", "@2");
  t.deepEqual(await (await run.fork("a/c", "#two")).restore(), { n: 2 });
  await t.throwsAsync(() => run.fork("a/c"), { code: "CONFLICT", message: /another name/ });
  await t.throwsAsync(() => run.fork("a/b"), { code: "CONFLICT" });
  await t.throwsAsync(() => run.fork("a/d", "@9"), { code: "NOT_FOUND" });
  await t.throwsAsync(() => run.fork("a/d@3"), { code: "INVALID_REF" });
  await t.throwsAsync(() => run.fork("nonsense"), { code: "INVALID_REF" });
  await t.throwsAsync(() => run.fork("a/d", "x/y@1"), { code: "INVALID_REF" });
});

everywhere("a fork has the options of its parent's handle", async (t, { ks }) => {
  const run = ks.timeline("a/b", { encoding: "json" });
  await run.save({ n: 1 });
  const fork = await run.fork("a/c");
  t.is((await fork.save({ n: 2 })).encoding, "json");
});

everywhere("a delete keeps what forks show, and says so", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 10);
  const fork = await run.fork("a/c", "@7");
  t.like(await run.delete(), { snapshots: 10, forks: ["a/c"] });
  await t.throwsAsync(() => run.restore("@7"), { code: "NOT_FOUND" });
  t.deepEqual(await fork.restore("@3"), { n: 3 });
  t.deepEqual((await fork.verify()).damage, []);
  t.deepEqual((await all(ks.timelines())).map(({ ref }) => ref), ["a/c"]);
  t.is((await run.save({ n: 11 })).sequence > 10, true);
  t.deepEqual((await all(ks.timelines())).map(({ ref }) => ref), ["a/b", "a/c"]);
  await fork.delete();
  t.deepEqual((await all(ks.timelines())).map(({ ref }) => ref), ["a/b"]);
});

everywhere("timelines list forks without snapshots of their own", async (t, { ks, again }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 2);
  for (let i = 10; i < 40; i++) await run.fork(`f/${i}`);
  await ks.timeline("f/20").delete();
  const refs = (await all((await again()).timelines("f/"))).map(({ ref }) => ref);
  const expected = Array.from({ length: 30 }, (_, i) => `f/${i + 10}`).filter((ref) => ref !== "f/20");
  t.deepEqual(refs, expected);
});

everywhere("a tag names a snapshot everywhere", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 5);
  t.like(await run.tag("good", "@3"), { ref: "a/b@3", tags: ["good"] });
  t.like(await run.tag("best", "#good"), { ref: "a/b@3", tags: ["best", "good"] });
  t.like(await run.tag("newest"), { ref: "a/b@5", tags: ["newest"] });
  t.deepEqual(await run.restore("#good"), { n: 3 });
  t.deepEqual(await run.restore("@tag:good"), { n: 3 });
  t.deepEqual(await run.restore("a/b#good"), { n: 3 });
  t.deepEqual((await run.show("@3")).tags, ["best", "good"]);
  t.deepEqual((await run.show("@4")).tags, []);
  t.deepEqual((await run.restoreSnapshot("@5")).snapshot.tags, ["newest"]);
  t.deepEqual((await all(run.list())).map(({ tags }) => tags.length), [0, 0, 2, 0, 1]);
  t.deepEqual(await run.tags(), [
    { name: "best", ref: "a/b@3", sequence: 3 },
    { name: "good", ref: "a/b@3", sequence: 3 },
    { name: "newest", ref: "a/b@5", sequence: 5 },
  ]);
  t.deepEqual(await run.diff("#good", "#newest"), [{ op: "replace", path: "/n", value: 5 }]);
});

everywhere("a tag moves only from where it is known to be", async (t, { ks, again }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 4);
  const other = (await again()).timeline("a/b");
  await run.tag("good", "@1");
  t.like(await other.tag("good", "@1"), { sequence: 1 }, "it is there already");
  await t.throwsAsync(() => other.tag("good", "@2"), { code: "CONFLICT", message: /names @1/ });
  t.like(await other.tag("good", "@2", { from: "@1" }), { sequence: 2 });
  await t.throwsAsync(() => run.tag("good", "@3", { from: "@1" }), { code: "CONFLICT" });
  t.like(await run.tag("good", "@4", { move: true }), { sequence: 4 });
  await t.throwsAsync(() => run.tag("new", "@4", { from: "@1" }), { code: "NOT_FOUND" });
  await t.throwsAsync(() => run.untag("good", { from: "@1" }), { code: "CONFLICT" });
  t.deepEqual(await run.untag("good", { from: "@4" }), { name: "good", ref: "a/b@4", sequence: 4 });
  await t.throwsAsync(() => run.untag("good"), { code: "NOT_FOUND" });
  await t.throwsAsync(() => run.restore("#good"), { code: "NOT_FOUND" });
});

everywhere("of two that move a tag at once one is first", async (t, { ks, again }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 3);
  const other = (await again()).timeline("a/b");
  await run.tag("good", "@1");
  const ends = await Promise.allSettled([
    run.tag("good", "@2", { from: "@1" }),
    other.tag("good", "@3", { from: "@1" }),
  ]);
  t.deepEqual(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const won = ends[0]?.status === "fulfilled" ? 2 : 3;
  t.is((await run.show("#good")).sequence, won);
});

everywhere("a fork has tags of its own", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 3);
  await run.tag("good", "@2");
  const fork = await run.fork("a/c");
  t.deepEqual(await fork.tags(), []);
  t.like(await fork.tag("good", "@1"), { ref: "a/c@1" });
  t.deepEqual(await run.restore("#good"), { n: 2 });
  t.deepEqual((await run.show("@1")).tags, []);
});

everywhere("a list by tag reads only what has one", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await numbers(run, 150);
  await run.tag("v2", "@140");
  await run.tag("v1", "@20");
  await run.tag("draft", "@30");
  await run.tag("first", "@20");
  const refs = async (options: Parameters<typeof run.list>[0]): Promise<string[]> =>
    (await all(run.list(options))).map(({ sequence, tags }) => `${sequence}: ${tags.join(" ")}`);
  t.deepEqual(await refs({ tagged: true }), ["20: first v1", "30: draft", "140: v2"]);
  t.deepEqual(await refs({ tagged: "v*" }), ["20: first v1", "140: v2"]);
  t.deepEqual(await refs({ tagged: "draft" }), ["30: draft"]);
  t.deepEqual(await refs({ tagged: true, reverse: true, limit: 1 }), ["140: v2"]);
  t.deepEqual(await refs({ tagged: true, after: 20, before: 140 }), ["30: draft"]);
  t.deepEqual(await refs({ tagged: "none" }), []);
});

everywhere("wrong tags are refused, and say why", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  await run.save(1);
  const wrong = { code: "INVALID_ARGUMENT" } as const;
  for (const name of ["", "latest", "x".repeat(600), "\ud800", 7 as never]) {
    await t.throwsAsync(() => run.tag(name), wrong, String(name));
  }
  await t.throwsAsync(() => run.tag("x", "@1", { from: "@1", move: true }), wrong);
  await t.throwsAsync(() => run.tag("x", "@1", { mov: true } as never), {
    ...wrong,
    message: /no option mov. Did you mean move\?/,
  });
  await t.throwsAsync(() => run.tag("x", "@1", { from: "#y" }), { code: "INVALID_REF" });
  await t.throwsAsync(() => run.tag("x", "@1", { move: "yes" } as never), wrong);
  t.throws(() => run.list({ tagged: 7 as never }), wrong);
  await t.throwsAsync(() => run.tag("x", "@9"), { code: "NOT_FOUND" });
  t.deepEqual(await run.tags(), []);
});
