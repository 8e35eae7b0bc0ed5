/** Listings of a timeline's snapshots, read as they are asked for. */

import { KeepstateError } from "../errors.js";
import type { TimelineCore } from "./core.js";
import { globOf } from "./glob.js";
import { checkNumbers, given, invalid, type SnapshotListOptions } from "./options.js";
import type { TimelineName } from "./reference.js";
import { type Snapshot, snapshotOf } from "./snapshot.js";

// How many snapshots one call lists.
const PAGE = 100;
// How many snapshots that tags name are read at once.
const AT_ONCE = 16;

/** Whose snapshots. */
export interface Listed {
  readonly core: TimelineCore;
  readonly name: TimelineName;
  readonly requireOpen: () => void;
}

/** The snapshots that the options ask for. */
export function listSnapshots(
  of: Listed,
  options: SnapshotListOptions,
): AsyncGenerator<Snapshot, void> {
  const { after, before, limit, tagged } = options;
  checkNumbers({ after, before, limit });
  if (tagged !== undefined && typeof tagged !== "boolean" && typeof tagged !== "string") {
    throw invalid(`tagged must be true, or the name of a tag, not ${String(tagged)}.`);
  }
  return tagged === undefined || tagged === false
    ? pages(of, options)
    : named(of, options, tagged === true ? () => true : globOf(tagged));
}

async function* pages(
  { core, name, requireOpen }: Listed,
  options: SnapshotListOptions,
): AsyncGenerator<Snapshot, void> {
  const { signal, reverse = false } = options;
  let { after, before, limit: left = Infinity } = options;
  while (left > 0) {
    requireOpen();
    const limit = Math.min(left, PAGE);
    const page = await core.list({ limit, reverse, ...given({ after, before }) }, signal);
    for (const told of page) yield snapshotOf(name, told);
    if (page.length < limit) return;
    left -= page.length;
    if (reverse) before = page.at(-1)?.sequence;
    else after = page.at(-1)?.sequence;
  }
}

/** By their tags: however long the timeline is, only they are read. */
async function* named(
  { core, name, requireOpen }: Listed,
  options: SnapshotListOptions,
  isMeant: (tag: string) => boolean,
): AsyncGenerator<Snapshot, void> {
  const { signal, reverse, after = 0, before = Infinity } = options;
  requireOpen();
  const tags = await core.tags(signal);
  const meant = tags.filter((tag) => isMeant(tag.name)).map(({ sequence }) => sequence);
  const numbers = [...new Set(meant)]
    .filter((sequence) => sequence > after && sequence < before)
    .sort((a, b) => (reverse ? b - a : a - b));
  let left = options.limit ?? Infinity;
  for (let at = 0; at < numbers.length && left > 0; at += AT_ONCE) {
    requireOpen();
    const part = numbers.slice(at, at + Math.min(AT_ONCE, left));
    const told = await Promise.all(
      part.map((sequence) => core.show(`@${sequence}`, signal).catch(gone)),
    );
    for (const one of told) if (one) yield snapshotOf(name, one);
    left -= part.length;
  }
}

/** It was removed since its tag was read. */
function gone(error: unknown): undefined {
  if (error instanceof KeepstateError && error.code === "NOT_FOUND") return undefined;
  throw error;
}
