// What the addon exports of timelines: the same operations over a store of the core, which run to
// their end natively, and over a store that TypeScript holds, as machines.

import type {
  AbortToken,
  Later,
  NativeMachine,
  NativeName,
  Outcome,
  Soon,
} from "./addon.js";
import type {
  NativeBlaming,
  NativeCursor,
  NativeDid,
  NativeImport,
  NativeMended,
  NativePart,
  NativeTell,
  NativeVerified,
  NativeWeighing,
  NativeWeight,
} from "./insight.js";
import type { NativeInflow, NativeOutflow, NativeStreamed } from "./stream.js";
import type { NativeState } from "./tape.js";

/** What one save hands over. The bytes are copied before the call returns. */
export interface NativeSave {
  /**
   * The whole state, or with `edits` only the bytes that are new. The core finds what is shared
   * with the parent by itself where no edits are given.
   */
  readonly bytes: Uint8Array;
  /**
   * How the state differs from its parent's: keep, drop, insert; keep, drop, insert; ... in bytes,
   * `insert` being taken from `bytes` in order. What is left of the parent follows at the end.
   */
  readonly edits?: Float64Array;
  /** With edits: what `epoch` gave when the state before was handed over. */
  readonly epoch?: number;
  /** Where none is given, the state is MessagePack, and nothing is said of it. */
  readonly said?: NativeSaid;
}

/** A save by its parts: `bytes`, `edits`, `epoch`, `said`. */
export type SaveParts = [
  bytes: Uint8Array,
  edits?: Float64Array | undefined,
  epoch?: number | undefined,
  said?: NativeSaid | undefined,
];

/** What is said of a snapshot. */
export interface NativeSaid {
  readonly label?: string;
  readonly description?: string;
  readonly encoding?: string;
  readonly schemaVersion?: string;
  readonly idempotencyKey?: string;
  /** User metadata, as a MessagePack map. */
  readonly metadata?: Uint8Array;
  /** Only if this is the latest snapshot, as `@17`; `@0`: only if there is none. */
  readonly onto?: string;
  /** The whole state, which is in the store already; then `bytes` is not looked at. */
  readonly streamed?: NativeStreamed;
}

/** What a restore in pieces begins with. */
export interface NativeOutgoing {
  readonly snapshot: NativeSnapshot;
  readonly flow: NativeOutflow;
}

export interface NativeSnapshot {
  readonly sequence: number;
  /** 64 hex digits. */
  readonly id: string;
  readonly parent: string;
  readonly time: number;
  readonly label?: string;
  readonly description?: string;
  readonly encoding: string;
  readonly schemaVersion?: string;
  readonly idempotencyKey?: string;
  readonly metadata?: Uint8Array;
  /** Length of the whole state. */
  readonly size: number;
  readonly storedBytes: number;
  /** In order; absent where there are none. */
  readonly tags?: readonly string[];
}

export interface NativeBlame {
  readonly snapshot: NativeSnapshot;
  readonly did: NativeDid;
}

/**
 * What a save tells. Most snapshots have only what every one has: the sequence, the time, the size,
 * the stored bytes, and the digits of the id and of the parent's, in this order.
 */
export type NativeSaved = NativeSnapshot | readonly [number, number, number, number, string];

export interface NativeRestored {
  readonly snapshot: NativeSnapshot;
  readonly state: NativeState;
}

export interface NativeListOptions {
  readonly after?: number;
  readonly before?: number;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** What a delete has done. */
export interface NativeDeleted {
  readonly snapshots: number;
  readonly freedBytes: number;
  /** The forks that need some of it, which stays for them. */
  readonly forks: readonly string[];
}

/** Where a fork goes, and from which snapshot. */
export interface NativeFork extends NativeName {
  readonly ref: string;
}

/** A tag that is to be set. */
export interface NativeTagging {
  readonly name: string;
  readonly ref: string;
  /** Where it may be now: `@17` there, `*` anywhere; absent: nowhere, or there already. */
  readonly from?: string;
}

/** A tag that is to be taken away. */
export interface NativeUntagging {
  readonly name: string;
  /** Where it must be now, as `@17`; absent: anywhere. */
  readonly from?: string;
}

export interface NativeTag {
  readonly name: string;
  readonly sequence: number;
}

/** What stays; at least one rule is needed. */
export interface NativePolicy {
  readonly keepLast?: number;
  readonly dropTagged?: boolean;
  /** Only what was saved before this time goes, in milliseconds since 1970. */
  readonly olderThan?: number;
  readonly keepEvery?: number;
  readonly dryRun?: boolean;
}

/** Why snapshots stay. */
export type Because = "last" | "tag" | "young" | "every" | "fork" | "shared" | "open";

/** Neighbouring snapshots of one destiny; without a reason they go. */
export interface NativeStretch {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly because?: Because;
}

export interface NativePruned {
  readonly removed: number;
  readonly kept: number;
  readonly freedBytes: number;
  readonly runs: readonly NativeStretch[];
}

export interface NativePacking {
  /** zstd level. */
  readonly level?: number;
}

export interface NativePacked {
  readonly values: number;
  readonly valuesBefore: number;
  readonly writtenBytes: number;
}

export interface NativeTimelineOptions {
  /** zstd level for new bytes. */
  readonly level?: number;
  /** Keep a SHA-256 of each whole state, and check it at each restore. */
  readonly full?: boolean;
  /** Allow a store without conditional writes, at the caller's word. */
  readonly singleWriter?: boolean;
  /** Take a lease before the first save; whoever does not renew it for so long can lose it. */
  readonly lease?: number;
}

/** A timeline over a store of the core. A reference is the part after the name: `@17`, `#good`. */
export interface NativeTimeline {
  /** Saves land in the order of the calls. */
  save(...save: SaveParts): Soon<NativeSaved>;
  /** Grows whenever edits can no longer build on what was handed over before. */
  epoch(): number;
  restore(ref: string, token?: AbortToken): Soon<NativeRestored>;
  show(ref: string, token?: AbortToken): Soon<NativeSnapshot>;
  list(options: NativeListOptions, token?: AbortToken): Later<NativeSnapshot[]>;
  /** The whole timeline; a reference is UNSUPPORTED. Tells how many snapshots went. */
  delete(ref?: string, token?: AbortToken): Later<NativeDeleted>;
  /** With a reference only that snapshot, of which no progress is told. */
  verify(ref?: string, token?: AbortToken, progress?: NativeTell): Later<NativeVerified>;
  blame(blaming: NativeBlaming, token?: AbortToken): Later<NativeBlame>;
  why(weighing: NativeWeighing, token?: AbortToken): Later<NativeWeight>;
  repair(nothing?: undefined, token?: AbortToken): Later<NativeMended>;
  /** The next part of the timeline as a file. */
  part(cursor: NativeCursor, token?: AbortToken): Later<NativePart>;
  importer(): Outcome<NativeImport>;
  takeIn(into: NativeImport, token: undefined, bytes: Uint8Array): Later<null>;
  /** Makes what was taken in this timeline; tells its latest snapshot. */
  finishImport(of: NativeImport): Later<NativeSnapshot>;
  /** Removes what was taken in, instead of `finishImport` or after it failed. */
  abandonImport(of: NativeImport): Later<null>;
  /** Tells which snapshot the fork begins with. */
  fork(fork: NativeFork, token?: AbortToken): Later<NativeSnapshot>;
  tag(tagging: NativeTagging, token?: AbortToken): Later<NativeSnapshot>;
  /** Tells the number that it named. */
  untag(untagging: NativeUntagging, token?: AbortToken): Later<number>;
  tags(nothing?: undefined, token?: AbortToken): Later<NativeTag[]>;
  prune(policy: NativePolicy, token?: AbortToken): Later<NativePruned>;
  pack(packing: NativePacking, token?: AbortToken): Later<NativePacked>;
  /** Packs what is due, on a thread that gives way to others; undefined where nothing is due. */
  maintain(): Outcome<Promise<Outcome<NativePacked>> | undefined>;
  release(nothing?: undefined, token?: AbortToken): Later<null>;

  inflow(none?: undefined, token?: AbortToken): Later<NativeInflow>;
  /** Copies bytes to those that are fed next; tells how many these are by now. */
  stage(flow: NativeInflow, bytes: Uint8Array): Outcome<number>;
  /** Stores what was staged. Several may be under way. */
  feed(flow: NativeInflow, token?: AbortToken): Later<null>;
  /** When all that was fed is stored: what `save` takes. */
  finish(flow: NativeInflow, token?: AbortToken): Later<NativeStreamed>;
  /** Instead of `finish`. */
  giveUp(flow: NativeInflow): Later<null>;
  outflow(ref: string, token?: AbortToken): Later<NativeOutgoing>;
  /** The next piece, or null at the end. One at a time. */
  next(flow: NativeOutflow, token?: AbortToken): Later<Uint8Array | null>;
}

/** The same over any other store: each call gives a machine, and `drive.ts` answers it. */
export interface SteppedTimeline {
  /** Queued by the call; its machine must be driven behind those of earlier saves. */
  save(...save: SaveParts): Outcome<NativeMachine<NativeSaved>>;
  epoch(): number;
  restore(ref: string): Outcome<NativeMachine<NativeRestored>>;
  show(ref: string): Outcome<NativeMachine<NativeSnapshot>>;
  list(options: NativeListOptions): Outcome<NativeMachine<NativeSnapshot[]>>;
  delete(ref?: string): Outcome<NativeMachine<NativeDeleted>>;
  verify(
    ref?: string,
    token?: undefined,
    progress?: NativeTell,
  ): Outcome<NativeMachine<NativeVerified>>;
  blame(blaming: NativeBlaming): Outcome<NativeMachine<NativeBlame>>;
  why(weighing: NativeWeighing): Outcome<NativeMachine<NativeWeight>>;
  repair(): Outcome<NativeMachine<NativeMended>>;
  part(cursor: NativeCursor): Outcome<NativeMachine<NativePart>>;
  importer(): Outcome<NativeImport>;
  takeIn(
    into: NativeImport,
    token: undefined,
    bytes: Uint8Array,
  ): Outcome<NativeMachine<null>>;
  finishImport(of: NativeImport): Outcome<NativeMachine<NativeSnapshot>>;
  abandonImport(of: NativeImport): Outcome<NativeMachine<null>>;
  fork(fork: NativeFork): Outcome<NativeMachine<NativeSnapshot>>;
  tag(tagging: NativeTagging): Outcome<NativeMachine<NativeSnapshot>>;
  untag(untagging: NativeUntagging): Outcome<NativeMachine<number>>;
  tags(): Outcome<NativeMachine<NativeTag[]>>;
  prune(policy: NativePolicy): Outcome<NativeMachine<NativePruned>>;
  pack(packing: NativePacking): Outcome<NativeMachine<NativePacked>>;
  maintain(): Outcome<NativeMachine<NativePacked> | undefined>;
  release(): Outcome<NativeMachine<null>>;
  inflow(): Outcome<NativeMachine<NativeInflow>>;
  stage(flow: NativeInflow, bytes: Uint8Array): Outcome<number>;
  feed(flow: NativeInflow): Outcome<NativeMachine<null>>;
  finish(flow: NativeInflow): Outcome<NativeMachine<NativeStreamed>>;
  giveUp(flow: NativeInflow): Outcome<NativeMachine<null>>;
  outflow(ref: string): Outcome<NativeMachine<NativeOutgoing>>;
  next(flow: NativeOutflow): Outcome<NativeMachine<Uint8Array | null>>;
}
