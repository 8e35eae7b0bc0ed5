/** The operations of a timeline as the core offers them, over whichever store. */

import { abortable } from "../abort.js";
import type { AbortToken, NativeName, NativeStore, Soon } from "../native/addon.js";
import { settled, value } from "../native/record.js";
import type {
  NativeBlaming,
  NativeCursor,
  NativeMended,
  NativePart,
  NativeTell,
  NativeVerified,
  NativeWeighing,
  NativeWeight,
} from "../native/insight.js";
import type { NativeInflow, NativeOutflow, NativeStreamed } from "../native/stream.js";
import type {
  NativeBlame,
  NativeDeleted,
  NativeFork,
  NativeListOptions,
  NativeOutgoing,
  NativePacked,
  NativePacking,
  NativePolicy,
  NativePruned,
  NativeRestored,
  NativeSave,
  NativeSaved,
  NativeSnapshot,
  NativeTag,
  NativeTagging,
  NativeTimeline,
  NativeTimelineOptions,
  NativeUntagging,
} from "../native/timeline.js";
import { native } from "../native.js";

/** What is verified, and who is told how far that is. */
export interface Verifying {
  readonly ref?: string | undefined;
  readonly tell?: NativeTell | undefined;
}

/** An import under way. Each call waits for the one before; none can be cut short. */
export interface Importing {
  take(bytes: Uint8Array): Promise<null>;
  taken(): { readonly snapshots: number; readonly bytes: number };
  /** Nothing counts before this has. */
  finish(): Promise<NativeSnapshot>;
  /** Removes what was taken. */
  abandon(): Promise<null>;
}

/** One timeline of the core. References are the part after the name. */
export interface TimelineCore {
  /** Takes the bytes before it returns. Saves of one core land in the order of the calls. */
  save(change: NativeSave, signal?: AbortSignal): Promise<NativeSaved>;
  /** Grows whenever edits can no longer build on what was handed over before. */
  epoch(): number;
  restore(ref: string, signal?: AbortSignal): Promise<NativeRestored>;
  show(ref: string, signal?: AbortSignal): Promise<NativeSnapshot>;
  list(options: NativeListOptions, signal?: AbortSignal): Promise<NativeSnapshot[]>;
  /** All snapshots but what forks show. */
  delete(signal?: AbortSignal): Promise<NativeDeleted>;
  /** Everything; tells how far it is. With a reference, only that snapshot. */
  verify(how: Verifying, signal?: AbortSignal): Promise<NativeVerified>;
  blame(blaming: NativeBlaming, signal?: AbortSignal): Promise<NativeBlame>;
  why(weighing: NativeWeighing, signal?: AbortSignal): Promise<NativeWeight>;
  repair(signal?: AbortSignal): Promise<NativeMended>;
  /** The next part of the timeline as a file. */
  part(cursor: NativeCursor, signal?: AbortSignal): Promise<NativePart>;
  /** Begins to make this timeline of a file. */
  importing(): Importing;
  /** Another timeline with this one's history up to a snapshot. */
  fork(fork: NativeFork, signal?: AbortSignal): Promise<NativeSnapshot>;
  tag(tagging: NativeTagging, signal?: AbortSignal): Promise<NativeSnapshot>;
  /** Tells the number that the tag named. */
  untag(untagging: NativeUntagging, signal?: AbortSignal): Promise<number>;
  tags(signal?: AbortSignal): Promise<NativeTag[]>;
  prune(policy: NativePolicy, signal?: AbortSignal): Promise<NativePruned>;
  pack(packing: NativePacking, signal?: AbortSignal): Promise<NativePacked>;
  /** Packs what has come together since; undefined where nothing is due. */
  maintain(): Promise<NativePacked> | undefined;
  /** Gives back the lease, if there is one. */
  release(signal?: AbortSignal): Promise<null>;
  readonly flows: Flows;
}

/** States in pieces. `save` takes what `finish` gave. */
export interface Flows {
  begin(signal?: AbortSignal): Promise<NativeInflow>;
  /** Copies bytes to those that are fed next; tells how many these are by now. */
  stage(flow: NativeInflow, bytes: Uint8Array): number;
  /** Stores what was staged. Several may be under way. */
  feed(flow: NativeInflow, signal?: AbortSignal): Promise<null>;
  finish(flow: NativeInflow, signal?: AbortSignal): Promise<NativeStreamed>;
  giveUp(flow: NativeInflow): Promise<null>;
  open(ref: string, signal?: AbortSignal): Promise<NativeOutgoing>;
  /** The next piece, or null at the end. One at a time. */
  next(flow: NativeOutflow, signal?: AbortSignal): Promise<Uint8Array | null>;
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
      const soon = timeline.save(change.bytes, change.edits, change.epoch, change.said);
      return signal ? abortable(signal, () => settled(soon)) : settled(soon);
    },
    epoch: () => timeline.epoch(),
    restore: (ref, signal) => cancellable(signal, (token) => timeline.restore(ref, token)),
    show: (ref, signal) => cancellable(signal, (token) => timeline.show(ref, token)),
    list: (query, signal) => cancellable(signal, (token) => timeline.list(query, token)),
    delete: (signal) => cancellable(signal, (token) => timeline.delete(undefined, token)),
    verify: ({ ref, tell }, signal) =>
      cancellable(signal, (token) => timeline.verify(ref, token, tell)),
    blame: (blaming, signal) => cancellable(signal, (token) => timeline.blame(blaming, token)),
    why: (weighing, signal) => cancellable(signal, (token) => timeline.why(weighing, token)),
    repair: (signal) => cancellable(signal, (token) => timeline.repair(undefined, token)),
    part: (cursor, signal) => cancellable(signal, (token) => timeline.part(cursor, token)),
    importing: () => {
      const taking = value(timeline.importer());
      return {
        take: (bytes) => settled(timeline.takeIn(taking, undefined, bytes)),
        taken: () => taking.taken(),
        finish: () => settled(timeline.finishImport(taking)),
        abandon: () => settled(timeline.abandonImport(taking)),
      };
    },
    fork: (fork, signal) => cancellable(signal, (token) => timeline.fork(fork, token)),
    tag: (tagging, signal) => cancellable(signal, (token) => timeline.tag(tagging, token)),
    untag: (tagging, signal) => cancellable(signal, (token) => timeline.untag(tagging, token)),
    tags: (signal) => cancellable(signal, (token) => timeline.tags(undefined, token)),
    prune: (policy, signal) => cancellable(signal, (token) => timeline.prune(policy, token)),
    pack: (packing, signal) => cancellable(signal, (token) => timeline.pack(packing, token)),
    maintain: () => {
      const packing = value(timeline.maintain());
      return packing && settled(packing);
    },
    release: (signal) => cancellable(signal, (token) => timeline.release(undefined, token)),
    flows: embeddedFlows(timeline),
  };
}

function embeddedFlows(timeline: NativeTimeline): Flows {
  return {
    begin: (signal) => cancellable(signal, (token) => timeline.inflow(undefined, token)),
    stage: (flow, bytes) => value(timeline.stage(flow, bytes)),
    feed: (flow, signal) => cancellable(signal, (token) => timeline.feed(flow, token)),
    finish: (flow, signal) => cancellable(signal, (token) => timeline.finish(flow, token)),
    giveUp: (flow) => settled(timeline.giveUp(flow)),
    open: (ref, signal) => cancellable(signal, (token) => timeline.outflow(ref, token)),
    next: (flow, signal) => cancellable(signal, (token) => timeline.next(flow, token)),
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
