/** Beginning, end, time and interruption. */

import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";

import type { Store } from "../ports/store.js";
import { bytes, type Cases, collect, commit, keys, read, refused } from "./suite.js";

async function rejectsWith(promise: Promise<unknown>, reason: unknown): Promise<void> {
  const end = await promise.then(
    () => assert.fail("an aborted call succeeded"),
    (error: unknown) => error,
  );
  assert.equal(end, reason, "an aborted call rejects with signal.reason");
}

function everyCall(store: Store, signal?: AbortSignal): (() => Promise<unknown>)[] {
  return [
    () => store.get("a", { signal }),
    () => store.put("a", bytes("2"), { signal }),
    () => store.delete("a", { signal }),
    () => collect(store.list("", { signal })),
    ...(store.commit ? [() => commit(store, [{ op: "delete", key: "a" }], signal)] : []),
  ];
}

export const lifecycle: Cases = {
  "supports says what there is": async (store) => {
    const { supports } = store;
    assert.ok(supports.kind.length > 0);
    assert.ok(["yes", "no", "unknown"].includes(supports.durable));
    assert.equal(typeof store.commit, supports.commit ? "function" : "undefined");
    assert.equal(typeof store.watch, supports.watch ? "function" : "undefined");
    assert.ok(supports.maxBatch >= 1);
  },

  "close twice is no error": async (store) => {
    await store.close();
    await store.close();
  },

  "after close every call is CLOSED": async (store) => {
    await store.put("a", bytes("1"));
    await store.close();
    for (const call of everyCall(store)) await refused(call(), "CLOSED");
  },

  "close completes what was started": async (store) => {
    const puts = Array.from({ length: 10 }, (_, i) => store.put(`k${i}`, bytes("1")));
    await store.close();
    for (const end of await Promise.allSettled(puts)) assert.equal(end.status, "fulfilled");
  },

  "a signal that is aborted already stops every call": async (store) => {
    await store.put("a", bytes("1"));
    const reason = new Error("the caller lost patience");
    const calls = everyCall(store, AbortSignal.abort(reason));
    for (const call of calls) await rejectsWith(call(), reason);
    assert.equal(await read(store, "a"), "1");
  },

  "a signal that is never aborted changes nothing": async (store) => {
    const { signal } = new AbortController();
    await store.put("a", bytes("1"), { signal });
    assert.equal((await store.get("a", { signal }))?.value.length, 1);
    assert.deepEqual(await keys(store.list("", { signal })), ["a"]);
  },

  "an abort in the middle of a list ends it": async (store) => {
    for (const key of ["a", "b", "c"]) await store.put(key, bytes(key));
    const controller = new AbortController();
    const reason = new Error("enough");
    const reading = async (): Promise<void> => {
      for await (const _ of store.list("", { signal: controller.signal })) controller.abort(reason);
    };
    await rejectsWith(reading(), reason);
  },

  "an abort under way leaves all or nothing": async (store) => {
    const controller = new AbortController();
    const value = bytes("x".repeat(100_000));
    const put = store.put("a", value, { signal: controller.signal });
    controller.abort();
    await put.catch(() => undefined);
    await store.put("b", bytes("1"));
    const found = await store.get("a");
    assert.ok(found === undefined || found.value.length === value.length);
  },

  "a value expires after its ttl": async (store) => {
    const put = store.put("short", bytes("1"), { ttl: 40 });
    if (!store.supports.ttl) return void (await refused(put, "UNSUPPORTED"));
    await put;
    await store.put("long", bytes("2"), { ttl: 600_000 });
    for (let i = 0; i < 100 && (await store.get("short")); i++) await wait(20);
    assert.equal(await store.get("short"), undefined);
    assert.equal(await read(store, "long"), "2");
    assert.deepEqual(await keys(store.list("")), ["long"]);
  },

  "what has expired counts as absent": async (store) => {
    if (!store.supports.ttl || !store.supports.conditionalPut) return;
    await store.put("a", bytes("1"), { ttl: 20 });
    for (let i = 0; i < 100 && (await store.get("a")); i++) await wait(20);
    await store.put("a", bytes("2"), { mode: "create" });
    assert.equal(await read(store, "a"), "2");
  },

  "a put without ttl takes the old one away": async (store) => {
    if (!store.supports.ttl) return;
    await store.put("a", bytes("1"), { ttl: 50 });
    await store.put("a", bytes("2"));
    await wait(120);
    assert.equal(await read(store, "a"), "2");
  },

  "many calls at once do not meet": async (store) => {
    const names = Array.from({ length: 100 }, (_, i) => `k${i}`);
    await Promise.all(names.map((name) => store.put(name, bytes(name))));
    const values = await Promise.all(names.map((name) => read(store, name)));
    assert.deepEqual(values, names);
  },

  "two stores of one suite do not meet": async (store, open) => {
    await store.put("a", bytes("1"));
    const other = await open();
    try {
      assert.equal(await other.get("a"), undefined);
    } finally {
      await other.close();
    }
  },
};
