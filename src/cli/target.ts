/** What a reference on the command line points at: a timeline, and which of its snapshots. */

import type { Keepstate } from "../engine.js";
import { KeepstateError } from "../errors.js";
import type { TimelineOptions } from "../timeline/handle.js";
import {
  formatSelector,
  parseReference,
  parseSelector,
  type Reference,
} from "../timeline/reference.js";
import type { Timeline } from "../timeline/timeline.js";
import type { Argument, Call, Use } from "./command.js";

/** The argument of commands that take a timeline. */
export const TIMELINE: Argument = {
  name: "timeline",
  meaning: "agent/session",
  completes: "references",
};

/** The argument of those that take a snapshot of it. */
export const REF: Argument = {
  name: "ref",
  meaning: "agent/session, with @17 or #tag",
  completes: "references",
};

/** A timeline, and the selector that a reference had. */
export interface Target {
  readonly ks: Keepstate;
  readonly timeline: Timeline;
  /** As `@17`; undefined where the reference names the timeline alone. */
  readonly at: string | undefined;
}

/** Opens the timeline of the call's first argument. What does not parse opens nothing. */
export async function openTarget(
  call: Call,
  use: Use,
  options: TimelineOptions<unknown> = {},
): Promise<Target> {
  const reference = parseReference(call.arguments[0] ?? "");
  return targetIn(await call.open(use), reference, options);
}

/** Opens a timeline that is to be deleted, watched and so on as a whole. */
export async function openWhole(call: Call, use: Use, what: string): Promise<Timeline> {
  const { timeline, at } = await openTarget(call, use);
  if (at === undefined) return timeline;
  const message = `Only whole timelines can be ${what}: write ${timeline.ref} without ${at}.`;
  throw new KeepstateError("UNSUPPORTED", message);
}

/** Opens a pair of timelines. The second may be only `@17` or `#tag` of the first one's. */
export async function openPair(call: Call, use: Use): Promise<[Target, Target]> {
  const [first = "", second = "@latest"] = call.arguments;
  const from = parseReference(first);
  const isSelector = /^[@#]/.test(second);
  const to = isSelector ? { ...from, at: parseSelector(second) } : parseReference(second);
  const ks = await call.open(use);
  return [targetIn(ks, from), targetIn(ks, to)];
}

function targetIn(
  ks: Keepstate,
  { at, ...name }: Reference,
  options: TimelineOptions<unknown> = {},
): Target {
  return { ks, timeline: ks.timeline(name, options), at: at && formatSelector(at) };
}
