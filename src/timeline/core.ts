/** The operations of a timeline as the core offers them, over whichever store. */

import { abortable } from "../abort.js";
import type { AbortToken, NativeName, NativeStore, Soon } from "../native/addon.js";
import { settled, value } from "../native/record.js";
import type {
  NativeDeleted,
  NativeListOptions,
  NativeRestored,
  NativeSave,
  NativeSnapshot,
  NativeTimeline,
  NativeTimelineOptions,
  NativeVerified,
} from "../native/timeline.js";
import { native } from "../native.js";

/** One timeline of the core. References are the part after the name. */
export interface TimelineCore {
  /** Takes the bytes before it returns. Saves of one core land in the order of the calls. */
  save(change: NativeSave, signal?: AbortSignal): Promise<NativeSnapshot>;
  /** Grows whenever edits can no longer build on what was handed over before. */
  epoch(): number;
  restore(ref: string, signal?: AbortSignal): Promise<NativeRestored>;
  show(ref: string, signal?: AbortSignal): Promise<NativeSnapshot>;
  list(options: NativeListOptions, signal?: AbortSignal): Promise<NativeSnapshot[]>;
  /** All snapshots but what forks show. */
  delete(signal?: AbortSignal): Promise<NativeDeleted>;
  verify(ref?: string, signal?: AbortSignal): Promise<NativeVerified>;
}

/** A timeline over a store of the core, which runs to its end natively. */
export function embeddedCore(
  store: NativeStore,
  name: NativeName,
  options: NativeTimelineOptions,
): TimelineCore {
  const timeline: NativeTimeline = value(native().timeline(store, name, options));
  return {
    save: (change, signal) => {
      const soon = timeline.save(change);
      return signal ? abortable(signal, () => settled(soon)) : settled(soon);
    },
    epoch: () => timeline.epoch(),
    restore: (ref, signal) => cancellable(signal, (token) => timeline.restore(ref, token)),
    show: (ref, signal) => cancellable(signal, (token) => timeline.show(ref, token)),
    list: (query, signal) => cancellable(signal, (token) => timeline.list(query, token)),
    delete: (signal) => cancellable(signal, (token) => timeline.delete(undefined, token)),
    verify: (ref, signal) => cancellable(signal, (token) => timeline.verify(ref, token)),
  };
}

/** A native call that a signal cancels; without a signal no token is made. */
async function cancellable<T>(
  signal: AbortSignal | undefined,
  call: (token: AbortToken | undefined) => Soon<T>,
): Promise<T> {
  if (!signal) return await settled(call(undefined));
  signal.throwIfAborted();
  const token = native().abortToken();
  return await abortable(
    signal,
    () => settled(call(token)),
    () => token.abort(),
  );
}
