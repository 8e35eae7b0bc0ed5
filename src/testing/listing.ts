/** Lists: by prefix, in the order of the keys' bytes, in pages. */

import assert from "node:assert/strict";

import type { Store } from "../ports/store.js";
import { bytes, type Cases, collect, keys } from "./suite.js";

async function fill(store: Store, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => store.put(name, bytes(name))));
}

function byBytes(names: readonly string[]): string[] {
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export const listing: Cases = {
  "an empty store lists nothing": async (store) => {
    assert.deepEqual(await keys(store.list("")), []);
  },

  "a list is in the order of the bytes": async (store) => {
    // In UTF-16 the last two stand the other way round.
    const names = ["b", "a/b", "a", "B", "a.b", "a-b", "\u00e4", "\u{1f600}", "\uffee", "a/b/c"];
    await fill(store, names);
    assert.deepEqual(await keys(store.list("")), byBytes(names));
  },

  "a prefix is any beginning of a key": async (store) => {
    await fill(store, ["t/a/1", "t/a/2", "t/ab/1", "t/b/1", "u"]);
    assert.deepEqual(await keys(store.list("t/a")), ["t/a/1", "t/a/2", "t/ab/1"]);
    assert.deepEqual(await keys(store.list("t/a/")), ["t/a/1", "t/a/2"]);
    assert.deepEqual(await keys(store.list("u")), ["u"]);
    assert.deepEqual(await keys(store.list("v")), []);
  },

  "after leaves out what is not greater": async (store) => {
    await fill(store, ["a", "b", "c", "d"]);
    assert.deepEqual(await keys(store.list("", { after: "b" })), ["c", "d"]);
    assert.deepEqual(await keys(store.list("", { after: "bb" })), ["c", "d"]);
    assert.deepEqual(await keys(store.list("c", { after: "a" })), ["c"]);
    assert.deepEqual(await keys(store.list("a", { after: "z" })), []);
  },

  "limit ends the list": async (store) => {
    await fill(store, ["a", "b", "c"]);
    assert.deepEqual(await keys(store.list("", { limit: 2 })), ["a", "b"]);
    assert.deepEqual(await keys(store.list("", { limit: 9 })), ["a", "b", "c"]);
    assert.deepEqual(await keys(store.list("", { limit: 0 })), []);
  },

  "pages join without gap or overlap": async (store) => {
    const names = Array.from({ length: 250 }, (_, i) => `k/${String(i).padStart(4, "0")}`);
    await fill(store, names);
    const joined: string[] = [];
    for (;;) {
      const page = await keys(store.list("k/", { after: joined.at(-1), limit: 33 }));
      joined.push(...page);
      if (page.length < 33) break;
    }
    assert.deepEqual(joined, names);
    assert.deepEqual(await keys(store.list("k/")), names);
  },

  "an entry tells size, version and time": async (store) => {
    const version = await store.put("a", bytes("12345"));
    const [entry] = await collect(store.list("a"));
    assert.equal(entry?.size, 5);
    assert.equal(entry.version, version);
    assert.ok(Number.isFinite(entry.modified) && entry.modified > 1_500_000_000_000);
  },

  "what was deleted is not listed": async (store) => {
    await fill(store, ["a", "b", "c"]);
    await store.delete("b");
    assert.deepEqual(await keys(store.list("")), ["a", "c"]);
  },

  "a list can be left early": async (store) => {
    await fill(store, ["a", "b", "c"]);
    for await (const entry of store.list("")) {
      assert.equal(entry.key, "a");
      break;
    }
    assert.deepEqual(await keys(store.list("")), ["a", "b", "c"]);
  },
};
