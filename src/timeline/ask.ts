/** How a handle asks its core: only while it is open, and so that closing waits for the answer. */

import type { TimelineCore } from "./core.js";
import { formatSelector, parseOwn, type TimelineName } from "./reference.js";

/** Who asks. */
export interface Asking {
  readonly name: TimelineName;
  readonly core: TimelineCore;
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  readonly requireOpen: () => void;
}

/** Asks the core of a snapshot; the latest where none is named. */
export async function ask<T>(
  { name, core, track, requireOpen }: Asking,
  call: (core: TimelineCore, at: string) => Promise<T>,
  ref?: string,
): Promise<T> {
  requireOpen();
  return await track(call(core, selectorOf(name, ref)));
}

/** What a method was given as a reference, as the core takes it. */
export function selectorOf(own: TimelineName, ref: string | undefined): string {
  return formatSelector(parseOwn(ref, own));
}
