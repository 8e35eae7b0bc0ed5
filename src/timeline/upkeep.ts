/** Tags, pruning and packing: what they take, and what they tell. */

import { KeepstateError } from "../errors.js";
import type { NativeMended } from "../native/insight.js";
import { raised } from "../native/record.js";
import type { Because, NativePolicy, NativePruned, NativeTagging } from "../native/timeline.js";
import { type Duration, durationOf, momentOf } from "./moments.js";
import {
  checkKnown,
  checkNumbers,
  checkSwitches,
  checkText,
  given,
  invalid,
  type SignalOptions,
} from "./options.js";
import { formatReference, parseOwn, type TimelineName } from "./reference.js";
import type { Repaired } from "./results.js";

/** A tag: a name for a snapshot. */
export interface Tag {
  readonly name: string;
  /** The snapshot that it names, as `agent/session@17`. */
  readonly ref: string;
  readonly sequence: number;
}

/** From where a tag may be moved. Without either it must be new, or be there already. */
export interface TagOptions extends SignalOptions {
  /** Only if it names this snapshot now, as `@17`; else it is CONFLICT. */
  readonly from?: string | undefined;
  /** From wherever it is. */
  readonly move?: boolean | undefined;
}

/** Which tag goes. */
export interface UntagOptions extends SignalOptions {
  /** Only if it names this snapshot now, as `@17`; else it is CONFLICT. */
  readonly from?: string | undefined;
}

/** What stays. What no rule keeps goes, but never the latest, and never what a fork shows. */
export interface PruneOptions extends SignalOptions {
  /** So many of the newest stay. */
  readonly keepLast?: number | undefined;
  /** What has a tag stays (the default); `false`: it goes as any other, and its tags with it. */
  readonly keepTagged?: boolean | undefined;
  /** Only what is older goes: than a Date, or than so long, in milliseconds or as `30d`. */
  readonly olderThan?: Date | Duration | undefined;
  /** Every so many-th stays: those whose number it divides. */
  readonly keepEvery?: number | undefined;
  /** Nothing is changed; it is only told what would be. */
  readonly dryRun?: boolean | undefined;
}

/** Why snapshots stay. */
export type StaysBecause = Because;

/** Neighbouring snapshots that go, or that stay for one reason. */
export type PrunedRun = {
  /** The first, as `@1`. */
  readonly from: string;
  /** The last. */
  readonly to: string;
  readonly count: number;
} & ({ readonly stays: false } | { readonly stays: true; readonly because: StaysBecause });

/** What a prune has done, or would do. */
export interface Pruned {
  /** How many snapshots went. */
  readonly removed: number;
  readonly kept: number;
  /** How many bytes came back at once; `compact` of the store may give back more. */
  readonly freedBytes: number;
  /** All snapshots, in order. */
  readonly runs: readonly PrunedRun[];
}

/** How to pack. */
export interface PackOptions extends SignalOptions {
  /** How hard it compresses (zstd level, 1 to 19); 15 by default. */
  readonly level?: number | undefined;
}

/** What packing has done. */
export interface Packed {
  /** How many values of the store hold the timeline's snapshots now. */
  readonly values: number;
  readonly valuesBefore: number;
  readonly writtenBytes: number;
}

/** What the core is told of a tag that is to be set. */
export function taggingOf(
  own: TimelineName,
  name: string,
  options: TagOptions,
): Omit<NativeTagging, "ref"> {
  checkKnown("tag", options, ["from", "move", "signal"]);
  checkSwitches({ move: options.move });
  checkText(name, "A tag");
  if (options.from !== undefined && options.move) {
    throw invalid("tag takes from or move, not both: move is from wherever the tag is.");
  }
  const from = options.move ? "*" : originOf(options.from, own);
  return { name, ...given({ from }) };
}

/** `from` as the core takes it: only a number can be compared and set. */
export function originOf(from: string | undefined, own: TimelineName): string | undefined {
  if (from === undefined) return undefined;
  const at = parseOwn(from, own);
  if ("sequence" in at) return `@${at.sequence}`;
  const message = `from names a snapshot by number, as @17, not ${from}.`;
  throw new KeepstateError("INVALID_REF", message);
}

/** What the core is told of what is to stay. */
export function policyOf(options: PruneOptions, now: number): NativePolicy {
  const known = ["keepLast", "keepTagged", "olderThan", "keepEvery", "dryRun", "signal"];
  checkKnown("prune", options, known);
  const { keepLast, keepTagged, keepEvery, dryRun, olderThan } = options;
  checkNumbers({ keepLast, keepEvery }, 1);
  checkSwitches({ keepTagged, dryRun });
  const age = [keepLast, olderThan, keepEvery].every((rule) => rule === undefined);
  if (age && keepTagged === undefined) {
    throw invalid("Say what is to stay: keepLast, keepTagged, olderThan or keepEvery.");
  }
  return given({
    // The latest stays anyway: to keep one is how a rule of tags alone is said.
    keepLast: keepLast ?? (age ? 1 : undefined),
    dropTagged: keepTagged === undefined ? undefined : !keepTagged,
    olderThan: olderThan === undefined ? undefined : before(olderThan, now),
    keepEvery,
    dryRun,
  });
}

function before(olderThan: Date | Duration, now: number): number {
  const time =
    olderThan instanceof Date
      ? momentOf(olderThan, "olderThan", now)
      : now - durationOf(olderThan, "olderThan");
  return Math.max(0, time);
}

/** What the core has done. */
export function prunedOf({ runs, ...counts }: NativePruned): Pruned {
  const told = runs.map(({ first, last, count, because }): PrunedRun => {
    const run = { from: `@${first}`, to: `@${last}`, count };
    return because === undefined ? { ...run, stays: false } : { ...run, stays: true, because };
  });
  return { ...counts, runs: told };
}

/** A tag that the core tells of. */
export function tagOf(
  own: TimelineName,
  { name, sequence }: { readonly name: string; readonly sequence: number },
): Tag {
  return { name, ref: formatReference(own, { sequence }), sequence };
}

/** Refuses a level that zstd does not have. */
export function checkLevel(level: number | undefined): void {
  if (level === undefined || (Number.isInteger(level) && level >= 1 && level <= 19)) return;
  throw invalid(`level must be a whole number from 1 to 19, not ${String(level)}.`);
}

/** What a repair has done, as people are told. */
export function repairedOf(name: TimelineName, told: NativeMended): Repaired {
  const { kept, lost, tags, control } = told;
  const named = lost.map(({ sequence, why }) => ({
    ref: formatReference(name, { sequence }),
    sequence,
    why: raised(why, repairedOf),
  }));
  return { kept, lost: named, tags, indexLost: control };
}
