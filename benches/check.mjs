// Restored states are compared deeply with states made afresh, outside every timing.
import { isDeepStrictEqual } from "node:util";

import { picks, Replay } from "./sessions.mjs";

/** Restores the latest state and a seeded choice of others; throws where one is not what it was. */
export async function checkStates(store, { session, edits, pattern }) {
  const twin = new Replay(session, { edits, pattern });
  const last = twin.length - 1;
  const chosen = new Set([...picks(twin.length, 25), 0, last]);
  let k = 0;
  for (const state of twin.states()) {
    if (chosen.has(k)) compare(await store.restore(k), { state, k });
    if (k === last) compare(await store.latest(k), { state, k });
    k += 1;
  }
}

function compare(restored, { state, k }) {
  if (isDeepStrictEqual(restored, state)) return;
  throw new Error(`restored state ${k} is not the state that was saved`);
}
