// What a timeline tells of itself: blame, why, verification with progress, repair. Over every store,
// with wrong inputs, and with damage.

import test from "ava";

import { KeepstateError, open, type Timeline, type VerifyProgress } from "../../src/index.js";
import { MapStore } from "../fixtures/map-store.js";
import { all, everywhere } from "../fixtures/places.js";

interface State {
  readonly step: number;
  readonly plan?: readonly string[];
  readonly "a/b~c"?: number;
}

everywhere("blame names the snapshot that last changed a value", async (t, { ks }) => {
  const run = ks.timeline<State>("a/b");
  await run.save({ step: 1, plan: ["search"] }, { label: "first" });
  await run.save({ step: 2, plan: ["search"] });
  await run.save({ step: 3, plan: ["search", "edit"], "a/b~c": 1 });
  await run.save({ step: 4, plan: ["search", "edit"] });
  await run.tag("three", "@3");
  const blamed = async (ref: string | undefined, pointer: string): Promise<string> => {
    const { did, snapshot } = await run.blame(ref, pointer);
    return `${did} ${snapshot.sequence}`;
  };
  t.is(await blamed(undefined, "/step"), "change 4");
  t.is(await blamed("@2", "/step"), "change 2");
  t.is(await blamed(undefined, "/plan"), "change 3");
  t.is(await blamed(undefined, "/plan/0"), "oldest 1");
  t.is(await blamed("a/b@4", "/plan/1"), "add 3");
  t.is(await blamed("#three", "/a~1b~0c"), "add 3");
  t.is(await blamed(undefined, "/a~1b~0c"), "remove 4");
  t.is(await blamed(undefined, ""), "change 4");
  t.is((await run.blame("@1", "/step")).snapshot.label, "first");
  await t.throwsAsync(() => run.blame(undefined, "step"), {
    code: "INVALID_ARGUMENT",
    message: /begin with a slash/,
  });
  await t.throwsAsync(() => run.blame(undefined, "/a~2"), { code: "INVALID_ARGUMENT" });
  await t.throwsAsync(() => run.blame(undefined, 5 as never), { code: "INVALID_ARGUMENT" });
  await t.throwsAsync(() => run.blame(undefined, "/none"), { code: "NOT_FOUND", message: /\/none/ });
  await t.throwsAsync(() => run.blame("@9", "/step"), { code: "NOT_FOUND" });
  await t.throwsAsync(() => run.blame("#none", "/step"), { code: "NOT_FOUND" });
  await t.throwsAsync(() => run.blame("x/y@1", "/step"), { code: "INVALID_REF" });
  await t.throwsAsync(() => run.blame("@1", "/step", { sginal: 1 } as never), {
    code: "INVALID_ARGUMENT",
    message: /Did you mean signal/,
  });
  await t.throwsAsync(() => ks.timeline("a/none").blame(undefined, ""), { code: "NOT_FOUND" });
  const json = ks.timeline("a/json", { encoding: "json" });
  await json.save({ step: 1 });
  await t.throwsAsync(() => json.blame(undefined, "/step"), { code: "UNSUPPORTED", message: /diff/ });
});

everywhere("why tells which paths hold the bytes", async (t, { ks }) => {
  const run = ks.timeline("a/b");
  const log = "the same words again and again ".repeat(200);
  const list = Array.from({ length: 30 }, (_, i) => `entry ${i}${"x".repeat(i)}`);
  await run.save({ log, list, "a/b": { deep: { deeper: true } }, n: 1, bytes: new Uint8Array(50) });
  const whole = await run.why();
  t.like(whole, { path: "", name: "", kind: "object", count: 5 });
  t.is(whole.rest, undefined);
  t.is(whole.size, (await run.show()).size);
  t.deepEqual(whole.parts.map(({ path }) => path), ["/log", "/list", "/bytes", "/a~1b", "/n"]);
  t.deepEqual(whole.parts.map(({ kind }) => kind), ["string", "array", "bytes", "object", "other"]);
  const [text, array] = whole.parts;
  t.true((text?.storedBytes ?? Infinity) < (text?.size ?? 0) / 4, "repeated text takes less");
  t.is(array?.parts.length, 10);
  t.is(array?.parts[0]?.path, "/list/29", "the heaviest comes first");
  t.is(array?.rest?.count, 20);
  const sizes = [...(array?.parts ?? []), array?.rest].map((one) => one?.size ?? 0);
  // The array has a header beside its parts.
  t.is(sizes.reduce((sum, one) => sum + one, 0), array?.size ?? 0);
  t.is((await run.why("@1", { depth: 0 })).parts.length, 0);
  const deep = await run.why("@latest", { depth: 9, most: 100 });
  t.is(deep.parts[3]?.parts[0]?.parts[0]?.path, "/a~1b/deep/deeper");
  t.is((await run.why(undefined, { most: 1 })).rest?.count, 4);
  for (const wrong of [{ depth: -1 }, { depth: 1.5 }, { most: 0 }, { dept: 1 }]) {
    await t.throwsAsync(() => run.why("@1", wrong as never), { code: "INVALID_ARGUMENT" });
  }
  await t.throwsAsync(() => run.why("@9"), { code: "NOT_FOUND" });
  const raw = ks.timeline("a/raw", { encoding: "bytes" });
  await raw.save(new Uint8Array(100));
  t.like(await raw.why(), { kind: "bytes", size: 100, parts: [] });
});

test("why looks no deeper than a stack goes", async (t) => {
  const ks = await open("memory:");
  let state: unknown = 1;
  for (let i = 0; i < 900; i++) state = [state];
  const run = ks.timeline("a/b");
  await run.save(state);
  let weight = await run.why(undefined, { depth: 100_000 });
  let depth = 0;
  for (; weight.parts[0]; weight = weight.parts[0]) depth++;
  t.is(depth, 900);
  await ks.close();
});

everywhere("verify tells how far it is", async (t, { ks }) => {
  for (const name of ["a/one", "a/two"]) {
    const run = ks.timeline(name);
    for (let n = 1; n <= 70; n++) await run.save({ n });
  }
  await ks.file("files/x.json").save({ n: 1 });
  const told: VerifyProgress[] = [];
  const onProgress = (progress: VerifyProgress): void => void told.push(progress);
  const run = ks.timeline("a/one");
  t.like(await run.verify(undefined, { onProgress }), { snapshots: 70, damage: [] });
  t.true(told.length > 0 && told.every(({ reading, part }) => reading === "a/one" && part <= 1));
  t.like(await run.verify("@3"), { snapshots: 1, damage: [] });
  told.length = 0;
  const verified = await ks.verify({ onProgress });
  t.like(verified, { timelines: 2, snapshots: 140, files: 1, damage: [] });
  const names = new Set(told.map(({ reading }) => reading));
  t.true(names.has("a/one") && names.has("a/two") && names.has("files/x.json"));
  t.true(told.every(({ snapshots }, i) => snapshots >= (told[i - 1]?.snapshots ?? 0)), "it only grows");
  await t.throwsAsync(() => ks.verify({ onProgress: 1 as never }), { code: "INVALID_ARGUMENT" });
  await t.throwsAsync(() => ks.verify({ progress: onProgress } as never), { code: "INVALID_ARGUMENT" });
  const broken = (): never => {
    throw new Error("the listener broke");
  };
  await t.throwsAsync(() => run.verify(undefined, { onProgress: broken }), { message: "the listener broke" });
  await t.throwsAsync(() => ks.verify({ onProgress: broken }), { message: "the listener broke" });
  await t.throwsAsync(() => run.verify("@99"), { code: "NOT_FOUND" });
  const stop = new AbortController();
  const reason = new Error("enough");
  stop.abort(reason);
  t.is(await ks.verify({ signal: stop.signal }).catch((error: unknown) => error), reason);
});

/** A timeline of eight, of which the values of two are damaged and one of these has a tag. */
async function damaged(): Promise<{ store: MapStore; right: Map<number, unknown> }> {
  const store = new MapStore();
  const ks = await open({ store, packing: "off" });
  const run = ks.timeline<{ n: number }>("a/b");
  const right = new Map<number, unknown>();
  for (let n = 1; n <= 8; n++) {
    const state = { n, text: `some words of ${n} `.repeat(n) };
    right.set((await run.save(state)).sequence, state);
  }
  await run.tag("good", "@2");
  await run.tag("lost", "@7");
  await ks.close();
  const key = "t/a/b/000000000007";
  const { value = new Uint8Array() } = (await store.get(key)) ?? {};
  value[value.length - 3] = (value.at(-3) ?? 0) ^ 4;
  await store.put(key, value);
  return { store, right };
}

test("damage is listed, for one timeline and for all, and repaired", async (t) => {
  const { store, right } = await damaged();
  const ks = await open({ store });
  await ks.timeline("a/whole").save({ n: 1 });
  const run = ks.timeline("a/b");
  const { damage } = await run.verify();
  t.true(damage.length > 0 && damage.every((error) => error instanceof KeepstateError));
  t.is(damage[0]?.timeline, "a/b");
  t.deepEqual((await ks.verify()).damage.map(({ code }) => code), damage.map(({ code }) => code));
  const { kept, lost, tags, indexLost } = await run.repair();
  t.is(indexLost, false);
  t.deepEqual(tags, ["lost"]);
  t.true(lost.some(({ sequence, ref }) => sequence === 7 && ref === "a/b@7"));
  t.true(lost.every(({ why }) => why instanceof KeepstateError && why.code === "CORRUPT"));
  t.is(kept + lost.length, 8);
  for (const { sequence } of await all(run.list())) {
    t.deepEqual(await run.restore(`@${sequence}`), right.get(sequence));
  }
  t.deepEqual((await run.verify()).damage, []);
  t.deepEqual((await ks.verify()).damage, []);
  t.true((await run.save({ n: 9 })).sequence > 8);
  t.deepEqual(await run.repair(), { kept: kept + 1, lost: [], tags: [], indexLost: false });
  await t.throwsAsync(() => run.repair({ dryRun: true } as never), { code: "INVALID_ARGUMENT" });
});

test("an index that is damaged is damage, and is made anew", async (t) => {
  const { store } = await damaged();
  const ks = await open({ store });
  const run: Timeline = ks.timeline("a/c");
  for (let n = 1; n <= 3; n++) await run.save({ n });
  await run.tag("good", "@2");
  await store.put("t/a/c/control", new Uint8Array([1, 2, 3]));
  const again = (await open({ store })).timeline("a/c");
  t.like(await again.verify(), { snapshots: 0, damage: { 0: { timeline: "a/c" } } });
  t.like(await again.repair(), { kept: 3, lost: [], indexLost: true });
  t.deepEqual(await again.tags(), []);
  t.deepEqual(await again.restore(), { n: 3 });
  await again.pack();
  await store.delete("t/a/c/control");
  const gone = (await open({ store })).timeline("a/c");
  await t.throwsAsync(() => gone.show(), { code: "NOT_FOUND" });
  t.like(await gone.repair(), { kept: 3, indexLost: true });
  t.deepEqual(await gone.restore("@2"), { n: 2 });
});

test("single files are verified with the store", async (t) => {
  const store = new MapStore();
  const ks = await open({ store });
  await ks.file("a.json").save({ n: 1 });
  await ks.file("b.ks").save({ n: 2 });
  const { value = new Uint8Array() } = (await store.get("b.ks")) ?? {};
  value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
  await store.put("b.ks", value);
  const { files, damage } = await ks.verify();
  t.is(files, 2);
  t.is(damage.length, 1);
});
