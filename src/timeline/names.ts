/** Which timelines a store holds. */

import { KeepstateError } from "../errors.js";
import { value } from "../native/record.js";
import { native } from "../native.js";
import type { CallOptions, Store } from "../ports/store.js";
import type { TimelineCore } from "./core.js";
import { isDamage } from "./damage.js";
import { behind, controlOf, keyParts, keysBelow } from "./keys.js";
import { formatName, type TimelineName } from "./reference.js";

/** One timeline of a listing. */
export interface TimelineEntry extends TimelineName {
  /** `agent/session`. */
  readonly ref: string;
}

/** Where to look for timelines. */
export interface Listed {
  readonly store: Store;
  /** A timeline of the core, for the few that only a look at their values can tell of. */
  readonly core: (name: TimelineName) => TimelineCore;
}

// How many timelines are judged at once.
const AT_ONCE = 16;

interface Candidate extends TimelineName {
  readonly isValue: boolean;
}

/**
 * The timelines whose reference begins with `prefix`, in the order of their keys. However many
 * snapshots a timeline has, one key and its control object are read.
 */
export async function* listTimelines(
  of: Listed,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<TimelineEntry, void> {
  let judged: Promise<TimelineEntry | undefined>[] = [];
  for await (const candidate of candidates(of.store, prefix, { signal })) {
    const entry = judge(of, candidate, { signal });
    // It is awaited a little later; until then its failure is nobody's surprise.
    entry.catch(() => undefined);
    judged.push(entry);
    if (judged.length < AT_ONCE) continue;
    yield* shown(judged);
    judged = [];
  }
  yield* shown(judged);
}

async function* shown(
  judged: readonly Promise<TimelineEntry | undefined>[],
): AsyncGenerator<TimelineEntry, void> {
  for (const entry of await Promise.all(judged)) if (entry) yield entry;
}

/** The names that any key belongs to. The first key of a timeline is a value's, if it has any. */
async function* candidates(
  store: Store,
  prefix: string,
  { signal }: CallOptions,
): AsyncGenerator<Candidate, void> {
  const keys = keysBelow(prefix);
  let after: string | undefined;
  for (;;) {
    let first: string | undefined;
    for await (const { key } of store.list(keys, { after, signal, limit: 1 })) first = key;
    if (first === undefined) return;
    const parts = keyParts(first);
    if (parts) yield { ...parts.name, isValue: parts.isValue };
    after = parts ? behind(parts.name) : first;
  }
}

/** A fork may have nothing but a control object, and of a deleted timeline that may be left. */
async function judge(
  { store, core }: Listed,
  { isValue, ...name }: Candidate,
  { signal }: CallOptions,
): Promise<TimelineEntry | undefined> {
  const control = await store.get(controlOf(name), { signal });
  const entry = { ...name, ref: formatName(name) };
  try {
    const shows = value(native().timelineShows(name, control?.value, isValue));
    if (shows === null) await core(name).show("@latest", signal);
    return shows === false ? undefined : entry;
  } catch (error) {
    // What is damaged is there, and `verify` will say so.
    if (isDamage(error)) return entry;
    if (error instanceof KeepstateError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}
