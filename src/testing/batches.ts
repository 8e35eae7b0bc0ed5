/** Batches: all of it or none of it. A store without them says so and has no `commit`. */

import assert from "node:assert/strict";

import type { Op, Store } from "../ports/store.js";
import { bytes, type Cases, commit, putting, read, refused, type Try } from "./suite.js";

/** A behaviour of `commit`; a store that says it has none must have no such member. */
function batch(attempt: (store: Store) => Promise<void>): Try {
  return async (store) => {
    if (store.supports.commit) await attempt(store);
    else assert.equal(store.commit, undefined, "there is a commit, but supports.commit is false");
  };
}

export const batches: Cases = {
  "a batch is applied whole": batch(async (store) => {
    await store.put("old", bytes("1"));
    const versions = await commit(store, [
      putting("a", "1"),
      { op: "delete", key: "old" },
      putting("b", "2"),
    ]);
    assert.equal(versions.length, 2, "one version for each put");
    assert.equal((await store.get("a"))?.version, versions[0]);
    assert.equal((await store.get("b"))?.version, versions[1]);
    assert.equal(await store.get("old"), undefined);
  }),

  "one failed condition fails the whole batch": batch(async (store) => {
    await store.put("there", bytes("1"));
    const puts = [putting("a", "1"), putting("there", "2", { mode: "create" }), putting("b", "3")];
    assert.equal((await refused(commit(store, puts), "CONFLICT")).key, "there");
    assert.equal(await store.get("a"), undefined);
    assert.equal(await store.get("b"), undefined);
    assert.equal(await read(store, "there"), "1");
  }),

  "a batch honours every kind of condition": batch(async (store) => {
    const version = await store.put("v", bytes("1"));
    const stale = { mode: { ifVersion: `${version}0` } };
    await refused(commit(store, [putting("v", "2", stale), putting("a", "1")]), "CONFLICT");
    await refused(
      commit(store, [{ op: "delete", key: "v", ifVersion: `${version}0` }, putting("a", "1")]),
      "CONFLICT",
    );
    assert.equal(await store.get("a"), undefined);
    await commit(store, [putting("v", "2", { mode: { ifVersion: version } }), putting("a", "1")]);
    assert.equal(await read(store, "v"), "2");
  }),

  "a check writes nothing, but decides": batch(async (store) => {
    const version = await store.put("c", bytes("1"));
    await commit(store, [
      { op: "check", key: "c", version },
      { op: "check", key: "nothing", version: undefined },
      putting("a", "1"),
    ]);
    assert.equal((await store.get("c"))?.version, version);
    const absent: Op = { op: "check", key: "c", version: undefined };
    await refused(commit(store, [absent, putting("a", "2")]), "CONFLICT");
    const other = commit(store, [{ op: "check", key: "nothing", version }, putting("a", "3")]);
    await refused(other, "CONFLICT");
    assert.equal(await read(store, "a"), "1");
  }),

  "a key that occurs twice is refused": batch(async (store) => {
    await refused(commit(store, [putting("a", "1"), putting("a", "2")]), "INVALID_ARGUMENT");
    assert.equal(await store.get("a"), undefined);
  }),

  "a batch with a bad key writes nothing": batch(async (store) => {
    const long = "k".repeat(1025);
    await refused(commit(store, [putting("a", "1"), putting(long, "2")]), "KEY_TOO_LONG");
    assert.equal(await store.get("a"), undefined);
  }),

  "an empty batch is no error": batch(async (store) => {
    assert.deepEqual(await commit(store, []), []);
  }),

  "a batch of a hundred steps is applied": batch(async (store) => {
    const count = Math.min(100, store.supports.maxBatch);
    const steps = Array.from({ length: count }, (_, i) => putting(`k${i}`, String(i)));
    assert.equal(new Set(await commit(store, steps)).size > 0, true);
    for (let i = 0; i < count; i += 7) assert.equal(await read(store, `k${i}`), String(i));
  }),

  "batches at once never mix": batch(async (store) => {
    const rounds = Array.from({ length: 20 }, (_, i) =>
      commit(store, [putting("left", String(i)), putting("right", String(i))]),
    );
    await Promise.all(rounds);
    assert.equal(await read(store, "left"), await read(store, "right"));
  }),
};
