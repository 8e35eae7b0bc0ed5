/** Watches: they only wake. A store without them says so and has no `watch`. */

import assert from "node:assert/strict";

import type { Change, Store } from "../ports/store.js";
import { bytes, type Cases } from "./suite.js";

/** Waits for a wake that concerns a key, a gap counting as one. */
async function awaken(changes: AsyncIterator<Change>, key: string): Promise<void> {
  for (;;) {
    const { value, done } = await changes.next();
    assert.ok(!done, "the watch ended by itself");
    if ("gap" in value || value.key === key) return;
  }
}

function watch(store: Store, prefix: string, signal?: AbortSignal): AsyncIterator<Change> {
  assert.ok(store.watch, "supports.watch is true, but there is no watch");
  return store.watch(prefix, { signal })[Symbol.asyncIterator]();
}

export const watching: Cases = {
  "a watch wakes at puts and deletes": async (store) => {
    if (!store.supports.watch) return;
    const changes = watch(store, "w/");
    const first = awaken(changes, "w/a");
    await store.put("other", bytes("1"));
    await store.put("w/a", bytes("1"));
    await first;
    const second = awaken(changes, "w/a");
    await store.delete("w/a");
    await second;
    await changes.return?.();
  },

  "a watch ends with its signal": async (store) => {
    if (!store.supports.watch) return;
    const controller = new AbortController();
    const next = watch(store, "w/", controller.signal).next();
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(Promise.resolve(next), (error: unknown) => error === reason);
  },
};
