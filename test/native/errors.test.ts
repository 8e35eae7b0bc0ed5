// Errors cross the boundary as data and become KeepstateErrors with the caller's stack; no panic
// and no wrong argument takes the process along.

import test from "ava";

import { CODES, KeepstateError } from "../../src/errors.js";
import type { NativeStore } from "../../src/native/addon.js";
import { raised, settled, value } from "../../src/native/record.js";
import { addon } from "./_testing.js";

const BYTES = new Uint8Array(10);

test("a record becomes an error on the caller's stack", async (t) => {
  const store = value(addon.openMemory());
  store.put("a", BYTES);
  const error = t.throws(function callsSync() {
    return value(store.put("a", BYTES, null) as string);
  });
  t.true(error instanceof KeepstateError && error.code === "CONFLICT" && error.key === "a");
  t.regex(error?.stack?.split("\n")[1] ?? "", /callsSync/);
  async function callsAsync(): Promise<string> {
    return await settled(store.put("a", BYTES, "99"));
  }
  const later = await t.throwsAsync(callsAsync);
  t.regex(later?.stack ?? "", /at async callsAsync/);
});

test("a record keeps its causes and its place", (t) => {
  const error = raised({
    error: {
      code: "IO",
      message: "It failed.",
      retryable: false,
      cause: ["outer", "inner"],
      segment: 3,
      offset: 5,
    },
  });
  t.is(error.segment, 3);
  t.is(error.offset, 5);
  const cause = error.cause as Error;
  t.is(cause.message, "outer");
  t.is((cause.cause as Error).message, "inner");
  const unknown = { code: "OF_TOMORROW", message: "?", retryable: false, cause: [] };
  t.is(raised({ error: unknown }).code, "INTERNAL");
});

test("the addon and TypeScript have the same table of codes", (t) => {
  const table = Object.fromEntries(
    addon.codes().map(({ number, name, retryable }) => [name, [number, retryable]]),
  );
  const own = Object.entries(CODES).map(([name, [number, retry]]) => [name, [number, retry]]);
  t.deepEqual(table, Object.fromEntries(own));
});

test("a panic is an error wherever it happens, and the addon goes on", async (t) => {
  t.throws(() => value(addon.testPanic()), { message: /own: on purpose/ });
  await t.throwsAsync(settled(addon.testPanicOnPool()), { message: /on the pool/ });
  await t.throwsAsync(settled(addon.testPanicInQueue()), { message: /in the queue/ });
  const machine = value(addon.testPanicInMachine());
  await t.throwsAsync(settled(machine.step([])), { message: /in a machine/ });
  await t.throwsAsync(settled(machine.step([])), { message: /cancelled/ });
  t.is(value(addon.digestSync("crc32c", BYTES)).length, 8);
});

test("wrong arguments are errors and no crashes", async (t) => {
  type Loose = Record<string, (...given: unknown[]) => never>;
  const store = value(addon.openMemory()) as unknown as Loose;
  const calls: [string, ...unknown[]][] = [
    ["put"],
    ["put", 7, BYTES],
    ["put", "a", "text"],
    ["put", "a", new Float64Array(2)],
    ["put", "a", BYTES, 5],
    ["put", "a", BYTES, undefined, -1],
    ["put", "", BYTES],
    ["commit", 7],
    ["commit", [7]],
    ["commit", [[9, "a"]]],
    ["get", {}],
    ["get", "a", { offset: 1.5, length: 1 }],
    ["list", { limit: Number.NaN }],
    ["verify", { token: {} }],
  ];
  for (const [name, ...given] of calls) {
    const call = async (): Promise<unknown> => settled(store[name]?.(...given) as never);
    await t.throwsAsync(call(), { instanceOf: KeepstateError }, `${name} ${String(given)}`);
  }
  t.is(store["getSync"]?.("a", "no buffer", 0), -2 as never);
  t.throws(() => value(store["takeError"]?.() as never), { message: /Uint8Array/ });
});

test("objects of another kind are refused, as receivers and as arguments", (t) => {
  const store = value(addon.openMemory());
  const token = addon.abortToken();
  for (const other of [{}, token, Object.create(store) as object, new Uint8Array(1)]) {
    t.throws(() => store.supports.call(other as NativeStore), { instanceOf: TypeError });
    const outcome = addon.timeline(other as NativeStore, { agent: "a", session: "b" }, {});
    t.throws(() => value(outcome), { message: /NativeStore/ });
  }
  const Class = store.constructor as new () => NativeStore;
  t.throws(() => value(new Class().supports() as never), { message: /NativeStore/ });
});

test("a key too long names itself", (t) => {
  const store = value(addon.openMemory());
  const key = "\u00e9".repeat(600);
  t.throws(() => value(store.put(key, BYTES) as string), { code: "KEY_TOO_LONG" });
});

test("texts of every length and script arrive whole", (t) => {
  const store = value(addon.openMemory());
  const keys = ["a", "\u00e9", "\u{1F600}", "\u0000", "x".repeat(1024)];
  for (const letter of ["a", "\u00e9", "\u20ac", "\u{1F600}"]) {
    for (let bytes = 118; bytes < 140; bytes += 1) keys.push(letter.repeat(bytes).slice(0, 200));
  }
  for (const key of new Set(keys.map((key) => key.slice(0, 200)))) {
    store.put(key, new TextEncoder().encode(key));
    const into = new Uint8Array(1024);
    const length = store.getSync(key, into, 0);
    t.is(new TextDecoder().decode(into.subarray(0, length)), key);
  }
});
