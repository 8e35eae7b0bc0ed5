/** Conditions: honoured, or UNSUPPORTED; never ignored. */

import assert from "node:assert/strict";

import { bytes, type Cases, read, refused } from "./suite.js";

export const conditions: Cases = {
  "create writes only where nothing is": async (store) => {
    const create = store.put("a", bytes("1"), { mode: "create" });
    if (!store.supports.conditionalPut) return void (await refused(create, "UNSUPPORTED"));
    await create;
    await refused(store.put("a", bytes("2"), { mode: "create" }), "CONFLICT");
    assert.equal(await read(store, "a"), "1");
    await store.delete("a");
    await store.put("a", bytes("3"), { mode: "create" });
    assert.equal(await read(store, "a"), "3");
  },

  "ifVersion writes only over that version": async (store) => {
    const first = await store.put("a", bytes("1"));
    const put = store.put("a", bytes("2"), { mode: { ifVersion: first } });
    if (!store.supports.conditionalPut) return void (await refused(put, "UNSUPPORTED"));
    const second = await put;
    await refused(store.put("a", bytes("3"), { mode: { ifVersion: first } }), "CONFLICT");
    await store.put("a", bytes("4"), { mode: { ifVersion: second } });
    assert.equal(await read(store, "a"), "4");
  },

  "ifVersion on an absent key is a conflict": async (store) => {
    const version = await store.put("a", bytes("1"));
    await store.delete("a");
    const put = store.put("a", bytes("2"), { mode: { ifVersion: version } });
    await refused(put, store.supports.conditionalPut ? "CONFLICT" : "UNSUPPORTED");
    assert.equal(await store.get("a"), undefined);
  },

  "a delete with ifVersion removes only that version": async (store) => {
    const first = await store.put("a", bytes("1"));
    const second = await store.put("a", bytes("2"));
    const wrong = store.delete("a", { ifVersion: first });
    if (!store.supports.conditionalDelete) return void (await refused(wrong, "UNSUPPORTED"));
    await refused(wrong, "CONFLICT");
    assert.equal(await read(store, "a"), "2");
    await store.delete("a", { ifVersion: second });
    assert.equal(await store.get("a"), undefined);
    await refused(store.delete("a", { ifVersion: second }), "CONFLICT");
  },

  "a conflict names the key": async (store) => {
    if (!store.supports.conditionalPut) return;
    await store.put("some/key", bytes("1"));
    const put = store.put("some/key", bytes("2"), { mode: "create" });
    assert.equal((await refused(put, "CONFLICT")).key, "some/key");
  },

  "of many creates at once exactly one wins": async (store) => {
    if (!store.supports.conditionalPut) return;
    const puts = Array.from({ length: 20 }, (_, i) =>
      store.put("a", bytes(String(i)), { mode: "create" }),
    );
    const ends = await Promise.allSettled(puts);
    const winner = ends.findIndex((end) => end.status === "fulfilled");
    assert.equal(ends.filter((end) => end.status === "fulfilled").length, 1);
    assert.equal(await read(store, "a"), String(winner));
  },

  "many counters at once lose no count": async (store) => {
    if (!store.supports.conditionalPut) return;
    await store.put("n", bytes("0"));
    const count = async (): Promise<void> => {
      for (;;) {
        const found = await store.get("n");
        const next = Number(new TextDecoder().decode(found?.value)) + 1;
        const mode = { ifVersion: found?.version ?? "" };
        const put = store.put("n", bytes(String(next)), { mode });
        const [end] = await Promise.allSettled([put]);
        if (end.status === "fulfilled") return;
        await refused(put, "CONFLICT");
      }
    };
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 5; i++) await count();
    }));
    assert.equal(await read(store, "n"), "40");
  },
};
