// States: every kind of change comes back exactly, what cannot be kept names its place, and
// schemas, encodings and failing stores do what they should.

import { setTimeout as pause } from "node:timers/promises";

import test from "ava";
import { z } from "zod";

import {
  type Code,
  type Encoding,
  type Entry,
  type Keepstate,
  KeepstateError,
  open,
  type StandardSchema,
  type Store,
} from "../../src/index.js";
import { MapStore } from "../fixtures/map-store.js";

interface Message {
  role: string;
  text: string;
  at?: Date;
}

test("an agent's life: in-place changes of every kind, all restored", async (t) => {
  for (const store of ["memory:", new MapStore()]) {
    await using ks = await open({ store });
    const run = ks.timeline<Record<string, unknown>>("a/b");
    const state: Record<string, unknown> = { messages: [] as Message[], step: 0 };
    const messages = state["messages"] as Message[];
    let seed = 11;
    const draw = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
    const change = [
      () => messages.push({ role: "user", text: "x".repeat(draw(300)) }),
      () => messages.length && (messages[draw(messages.length)] as Message).text.length,
      () => messages.length && Object.assign(messages[draw(messages.length)] as Message, { at: new Date(draw(9)) }),
      () => messages.splice(draw(messages.length + 1), 1),
      () => (state[`key${draw(20)}`] = [draw(9), { deep: new Map([[draw(5), new Set([draw(5)])]]) }]),
      () => delete state[`key${draw(20)}`],
      () => messages.reverse(),
      () => (state["bytes"] = new Uint8Array(draw(200)).fill(draw(256))),
    ];
    const copies: unknown[] = [];
    const saves: Promise<unknown>[] = [];
    for (let step = 0; step < 300; step++) {
      state["step"] = step;
      for (let i = draw(4); i >= 0; i--) change[draw(change.length)]?.();
      copies.push(structuredClone(state));
      saves.push(run.save(state));
      if (draw(5) === 0) await Promise.all(saves);
    }
    await Promise.all(saves);
    for (let i = 0; i < copies.length; i++) t.deepEqual(await run.restore(`@${i + 1}`), copies[i]);
    t.like(await run.verify(), { snapshots: 300, damage: [] });
  }
});

const impossible: [name: string, state: () => unknown, code: Code, pointer: string][] = [
  ["a function", () => ({ a: [1, { f: () => 1 }] }), "UNSUPPORTED_TYPE", "/a/1/f"],
  ["a symbol", () => ({ "x/y": Symbol("s") }), "UNSUPPORTED_TYPE", "/x~1y"],
  ["a cycle", () => cyclic(), "CYCLE", "/child/self"],
  ["a promise", () => [Promise.resolve()], "UNSUPPORTED_TYPE", "/0"],
];

function cyclic(): unknown {
  const child: Record<string, unknown> = {};
  const state = { child };
  child["self"] = child;
  return state;
}

for (const [name, state, code, pointer] of impossible) {
  test(`${name} is ${code} with its place, and nothing is saved`, async (t) => {
    await using ks = await open("memory:");
    const run = ks.timeline("a/b");
    await run.save({ fine: 1 });
    const error = await t.throwsAsync(() => run.save(state()));
    t.true(error instanceof KeepstateError);
    t.is((error as KeepstateError).code, code);
    t.true((error as KeepstateError).pointer?.startsWith(pointer), (error as KeepstateError).pointer);
    await run.save({ fine: 2 });
    t.deepEqual(await run.restore(), { fine: 2 });
    t.is((await run.show()).sequence, 2);
  });
}

test("the json encoding refuses what JSON would change, with its place", async (t) => {
  await using ks = await open("memory:");
  const run = ks.timeline("a/b", { encoding: "json" });
  const bad = [{ big: 2n ** 70n }, { big: NaN }, { big: new Date() }, { big: -0 }, { big: undefined }];
  for (const state of bad) {
    t.like(await t.throwsAsync(() => run.save(state)), { code: "NOT_JSON", pointer: "/big" });
  }
  await run.save({ fine: [1, "two", null] });
  t.deepEqual(await run.restore(), { fine: [1, "two", null] });
  t.is((await run.show()).encoding, "json");
  const { bytes } = await run.restoreBytes();
  t.is(Buffer.from(bytes).toString(), '{"fine":[1,"two",null]}');
  t.deepEqual(await ks.timeline("a/b").restore(), { fine: [1, "two", null] }, "the snapshot says how");
});

test("the bytes encoding keeps bytes, and nothing else", async (t) => {
  await using ks = await open("memory:");
  const run = ks.timeline<Uint8Array>("a/b", { encoding: "bytes" });
  await run.save(new Uint8Array([0, 255]));
  t.deepEqual(new Uint8Array(await run.restore()), new Uint8Array([0, 255]));
  await t.throwsAsync(() => run.save({} as Uint8Array), { code: "UNSUPPORTED_TYPE" });
});

test("an encoding of one's own, by name", async (t) => {
  const shout: Encoding = {
    name: "shout",
    encode: (value) => Buffer.from(String(value).toUpperCase()),
    decode: (bytes) => Buffer.from(bytes).toString(),
  };
  const store = new MapStore();
  await using ks = await open({ store, encodings: [shout] });
  await ks.timeline("a/b", { encoding: "shout" }).save("hello");
  t.is(await ks.timeline("a/b").restore(), "HELLO");
  await using other = await open({ store });
  const error = await t.throwsAsync(() => other.timeline("a/b").restore());
  t.like(error, { code: "UNSUPPORTED" });
  t.like(t.throws(() => ks.timeline("a/b", { encoding: "shuot" })), { code: "UNSUPPORTED" });
  await t.throwsAsync(() => open({ store, encodings: [{ ...shout, name: "json" }] }), {
    code: "INVALID_ARGUMENT",
  });
});

function schemaOf(isLate: boolean): StandardSchema<unknown, { n: number }> {
  const judge = (value: unknown): { value: { n: number } } | { issues: { message: string; path: string[] }[] } =>
    typeof (value as { n?: unknown }).n === "number"
      ? { value: value as { n: number } }
      : { issues: [{ message: "n must be a number", path: ["n"] }] };
  const validate = isLate ? async (value: unknown) => judge(value) : judge;
  return { "~standard": { version: 1, vendor: "test", validate } };
}

for (const isLate of [false, true]) {
  test(`a schema that answers ${isLate ? "later" : "at once"} is asked at save and restore`, async (t) => {
    await using ks = await open("memory:");
    const run = ks.timeline("a/b", { schema: schemaOf(isLate) });
    const state = { n: 1 };
    const saved = run.save(state);
    state.n = "changed meanwhile" as never;
    await saved;
    t.deepEqual(await run.restore(), { n: 1 });
    const error = await t.throwsAsync(() => run.save({ n: "x" } as never));
    t.like(error, { code: "VALIDATION", pointer: "/n" });
    t.regex(error?.message ?? "", /n must be a number/);
    await ks.timeline("a/b").save({ n: "unchecked" });
    await t.throwsAsync(() => run.restore(), { code: "VALIDATION" });
    t.deepEqual(await run.restore("@1"), { n: 1 });
  });
}

test("saves keep their order while a schema takes its time", async (t) => {
  let wait = 60;
  const schema: StandardSchema<unknown, number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        new Promise((resolve) => setTimeout(() => resolve({ value: value as number }), (wait -= 20))),
    },
  };
  await using ks = await open("memory:");
  const run = ks.timeline("a/b", { schema });
  const saved = await Promise.all([run.save(1), run.save(2), run.save(3)]);
  t.deepEqual(saved.map(({ sequence }) => sequence), [1, 2, 3]);
  const plain = ks.timeline("a/b");
  t.deepEqual([await plain.restore("@1"), await plain.restore("@3")], [1, 3]);
});

test("zod is such a schema, and its output is what is restored", async (t) => {
  await using ks = await open("memory:");
  const schema = z.object({ n: z.number(), mode: z.string().default("calm") });
  await ks.timeline("a/b").save({ n: 1 });
  const run = ks.timeline("a/b", { schema });
  t.deepEqual(await run.restore(), { n: 1, mode: "calm" });
  const error = await t.throwsAsync(() => run.save({ n: "x", mode: "" } as never));
  t.like(error, { code: "VALIDATION", pointer: "/n" });
});

class Failing extends MapStore {
  failure: Error | undefined;

  override async put(...given: Parameters<Store["put"]>): Promise<string> {
    if (this.failure) throw this.failure;
    return super.put(...given);
  }

  override async commit(...given: Parameters<NonNullable<Store["commit"]>>): Promise<string[]> {
    if (this.failure) throw this.failure;
    return super.commit(...given);
  }

  override async *list(...given: Parameters<Store["list"]>): AsyncGenerator<Entry, void> {
    if (this.failure) throw this.failure;
    yield* super.list(...given);
  }
}

test("what a store throws reaches the caller, and the next save is whole again", async (t) => {
  const store = new Failing();
  await using ks = await open({ store });
  const run = ks.timeline("a/b");
  await run.save({ n: 1, text: "x".repeat(500) });
  store.failure = new TypeError("the cable is out");
  const error = await t.throwsAsync(() => run.save({ n: 2, text: "x".repeat(500) }));
  t.like(error, { code: "IO" });
  t.regex(error?.message ?? "", /the cable is out/);
  t.is(error?.cause, store.failure);
  store.failure = new KeepstateError("UNAVAILABLE", "The server is away. Try again.");
  t.is(await t.throwsAsync(() => run.save({ n: 3, text: "x".repeat(500) })), store.failure);
  store.failure = undefined;
  await run.restore();
  await run.save({ n: 4, text: `${"x".repeat(500)}!` });
  t.deepEqual(await ks.timeline("a/b").restore(), { n: 4, text: `${"x".repeat(500)}!` });
});

test("a store that was given stays open, one that was opened is closed", async (t) => {
  const store = new MapStore();
  const ks = await open({ store });
  await ks.close();
  await ks.close();
  t.is(await store.get("a"), undefined);
  const own: Keepstate = await open("memory:");
  await own.close();
  await t.throwsAsync(() => own.store.get("a"), { code: "CLOSED" });
  await t.throwsAsync(() => own.flush(), { code: "CLOSED" });
});

test("a store without conditional writes needs singleWriter", async (t) => {
  const store = new MapStore({ supports: { conditionalPut: false, commit: false } });
  await using strict = await open({ store });
  const run = strict.timeline("a/b");
  for (const write of [() => run.save(1), () => run.delete()]) {
    await t.throwsAsync(write, { code: "UNSUPPORTED", message: /set singleWriter/ });
  }
  t.is(store.calls.commit, 0);
  await using lone = await open({ store, singleWriter: true });
  await lone.timeline("a/b").save(1);
  t.is(await run.restore(), 1);
});

test("after an aborted save the next one goes on at once", async (t) => {
  let delay = 0;
  const store = new MapStore({ delay: () => pause(delay) });
  await using ks = await open({ store });
  const run = ks.timeline("a/b");
  await run.save(1);
  delay = 20;
  const given = new AbortController();
  const aborted = run.save(2, { signal: given.signal });
  await pause(5);
  given.abort(new Error("enough"));
  t.is((await t.throwsAsync(aborted))?.message, "enough");
  delay = 0;
  await run.restore();
  t.like(await run.save(3), { sequence: 3 });
  t.is(await run.restore(), 3);
});

test("values that getSync gave keep their bytes", async (t) => {
  await using ks = await open("memory:");
  const lengths = [0, 1, 7, 8, 4095, 4096, 4097, 32_768, 100_000];
  const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(length % 251);
  for (const length of lengths) await ks.store.put(`k${length}`, bytes(length));
  const given: [number, Uint8Array | undefined][] = [];
  for (let round = 0; round < 50; round += 1) {
    for (const length of lengths) given.push([length, ks.store.getSync?.(`k${length}`)]);
  }
  for (const [length, value] of given) t.deepEqual(value, bytes(length));
  const own = ks.store.getSync?.("k7");
  const sent = structuredClone(own, { transfer: own ? [own.buffer as ArrayBuffer] : [] });
  t.deepEqual(sent, bytes(7));
  for (const [length, value] of given) t.is(value?.length, length);
});

test("getSync reads at once, small and large", async (t) => {
  await using ks = await open("memory:");
  await ks.store.put("small", new Uint8Array([1, 2]));
  await ks.store.put("large", new Uint8Array(200_000).fill(7));
  t.deepEqual(ks.store.getSync?.("small"), new Uint8Array([1, 2]));
  t.is(ks.store.getSync?.("large")?.length, 200_000);
  t.is(ks.store.getSync?.("none"), undefined);
  t.like(t.throws(() => ks.store.getSync?.("k".repeat(2000))), { code: "KEY_TOO_LONG" });
  const into = new Uint8Array(4);
  t.is(ks.store.getSync?.("small", into), 2);
  t.deepEqual(into, new Uint8Array([1, 2, 0, 0]));
  t.is(ks.store.getSync?.("large", into), 200_000);
  t.deepEqual(into, new Uint8Array([1, 2, 0, 0]));
  t.is(ks.store.getSync?.("none", into), undefined);
  t.like(t.throws(() => ks.store.getSync?.("small", [] as never)), { code: "INVALID_ARGUMENT" });
});
