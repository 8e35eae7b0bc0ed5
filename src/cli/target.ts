/** What a reference on the command line points at: a timeline, and which of its snapshots. */

import type { Keepstate, TimelineOptions } from "../engine.js";
import { formatSelector, parseReference, parseSelector } from "../timeline/reference.js";
import type { Timeline } from "../timeline/timeline.js";

/** A timeline, and the selector that a reference had. */
export interface Target {
  readonly timeline: Timeline;
  /** As `@17`; undefined where the reference names the timeline alone. */
  readonly at: string | undefined;
}

/** Takes a reference apart and opens its timeline. */
export function target(
  ks: Keepstate,
  reference: string,
  options: TimelineOptions<unknown> = {},
): Target {
  const { at, ...name } = parseReference(reference);
  return { timeline: ks.timeline(name, options), at: at && formatSelector(at) };
}

/** The second reference of a pair, which may be only `@17` or `#tag` of the first one's timeline. */
export function beside(ks: Keepstate, first: Target, reference: string | undefined): Target {
  if (reference === undefined) return { timeline: first.timeline, at: "@latest" };
  if (!/^[@#]/.test(reference)) return target(ks, reference);
  return { timeline: first.timeline, at: formatSelector(parseSelector(reference)) };
}
