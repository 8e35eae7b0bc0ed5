/**
 * The port to the outside: bytes by key.
 *
 * Whoever brings a store implements `Store` and runs the conformance suite of `keepstate/testing`
 * against it. What each member must hold is written here as obligations; the suite tests them.
 *
 * Obligations of every member:
 * - Keys are non-empty UTF-8 of at most 1,024 bytes, any character, ordered by their bytes. A
 * longer   key is `KEY_TOO_LONG`, an empty one or one with a lone surrogate `INVALID_ARGUMENT`.
 * - A call that waits takes an AbortSignal and rejects with `signal.reason` once it is aborted. A
 *   write under way at that moment may or may not happen; it never happens in part.
 * - After `close` every call rejects with `CLOSED`.
 * - Failures are `KeepstateError`s. What the medium cannot do is `UNSUPPORTED`, never ignored.
 */

/** The longest key, in bytes of UTF-8. */
export const KEY_MAX = 1024;

/** Changes with every write of a key and never comes back. Opaque: only equality means anything. */
export type Version = string;

/** Part of a value. What lies behind its end is cut. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** What `get` found: the value, or the asked part of it, and the version of the whole. */
export interface Found {
  /** Belongs to the caller, who may change it. */
  readonly value: Uint8Array;
  readonly version: Version;
}

/** What `list` tells of a key. */
export interface Entry {
  readonly key: string;
  /** The length of the value in bytes. */
  readonly size: number;
  readonly version: Version;
  /** When it was written, in milliseconds since 1970. */
  readonly modified: number;
}

/**
 * The condition of a put: whatever is there, nothing may be there, or exactly this version. A
 * condition that does not hold is `CONFLICT`.
 */
export type Mode = "overwrite" | "create" | { readonly ifVersion: Version };

/** Whether an acknowledged write survives a loss of power. */
export type Durable = "yes" | "no" | "unknown";

/** What a store can do, as data. It never changes while the store is open. */
export interface Supports {
  /** What kind of store this is: `memory`, `dir`, `log`, or a name of one's own. */
  readonly kind: string;
  /** `commit` is there. */
  readonly commit: boolean;
  /** `watch` is there. */
  readonly watch: boolean;
  /** `mode: "create"` and `mode: { ifVersion }` are honoured. */
  readonly conditionalPut: boolean;
  /** `delete` with `ifVersion` is honoured. */
  readonly conditionalDelete: boolean;
  /** `ttl` of a put is honoured. */
  readonly ttl: boolean;
  /** Whether acknowledged means durable. */
  readonly durable: Durable;
  /** The largest value in bytes. */
  readonly maxValue: number;
  /** The most steps of one commit. */
  readonly maxBatch: number;
}

/** What every call that waits takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Options of `get`. */
export interface GetOptions extends CallOptions {
  readonly range?: Range | undefined;
}

/** Options of `put`. */
export interface PutOptions extends CallOptions {
  /** Absent: `overwrite`. */
  readonly mode?: Mode | undefined;
  /** After so many milliseconds the key counts as absent. */
  readonly ttl?: number | undefined;
}

/** Options of `delete`. */
export interface DeleteOptions extends CallOptions {
  readonly ifVersion?: Version | undefined;
}

/** Options of `list`. */
export interface ListOptions extends CallOptions {
  /** Only keys greater than this one. */
  readonly after?: string | undefined;
  /** At most so many. */
  readonly limit?: number | undefined;
}

/** Options of `watch`. */
export interface WatchOptions extends CallOptions {
  /** The cursor of the last change that was seen. */
  readonly after?: string | undefined;
}

/** One step of a commit. A key may occur once in a batch. */
export type Op =
  | {
      readonly op: "put";
      readonly key: string;
      readonly value: Uint8Array;
      readonly mode?: Mode | undefined;
      readonly ttl?: number | undefined;
    }
  | { readonly op: "delete"; readonly key: string; readonly ifVersion?: Version | undefined }
  /** Writes nothing, but fails the batch unless this version (or nothing) is there. */
  | { readonly op: "check"; readonly key: string; readonly version: Version | undefined };

/** What `watch` tells: a change, or that changes were lost and everything must be read again. */
export type Change =
  | {
      readonly key: string;
      readonly version: Version;
      readonly deleted: boolean;
      readonly cursor: string;
    }
  | { readonly gap: true; readonly cursor: string };

/** Bytes by key. Calls may run at once; each is atomic by itself. */
export interface Store {
  readonly supports: Supports;

  /**
   * The newest acknowledged value: every write that was acknowledged to anybody before the call
   * began is seen. An absent or expired key is `undefined`, never an error.
   */
  get(key: string, options?: GetOptions): Promise<Found | undefined>;

  /**
   * Writes a value whole or not at all and tells its new version. The bytes are taken before the
   * call returns its promise: the caller may go on changing them. A larger value than
   * `supports.maxValue` is `VALUE_TOO_LARGE`.
   */
  put(key: string, value: Uint8Array, options?: PutOptions): Promise<Version>;

  /**
   * Removes a key. What is absent is no error, unless `ifVersion` was asked for, which is then
   * `CONFLICT`. A key that is written again never gets an old version back.
   */
  delete(key: string, options?: DeleteOptions): Promise<void>;

  /**
   * The keys that begin with `prefix`, in the order of their bytes, read as they are asked for. A
   * hint and never proof: keys that come or go meanwhile may be missing or there.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<Entry>;

  /** Completes what was started and releases everything. Idempotent. */
  close(): Promise<void>;

  /**
   * Applies all steps or none; one failed condition fails all with `CONFLICT` and its key. Tells
   * the version of each put, in the order of the batch. Required where `supports.commit`, else
   * absent.
   */
  commit?(batch: readonly Op[], options?: CallOptions): Promise<Version[]>;

  /**
   * Wakes: events may merge, repeat or be lost. A subscriber keeps its own position and reads after
   * it on every wake. Required where `supports.watch`, else absent.
   */
  watch?(prefix: string, options?: WatchOptions): AsyncIterable<Change>;
}
