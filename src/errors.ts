/**
 * The one error class and the one table of codes.
 *
 * A code is a stable name and a stable number: the core, the C ABI and every binding use the same
 * ones, and none is ever renumbered or reused.
 */

/** The name of a code. */
export type Code =
  | "INTERNAL"
  | "INVALID_ARGUMENT"
  | "INVALID_CONFIG"
  | "INVALID_REF"
  | "NOT_FOUND"
  | "CONFLICT"
  | "CORRUPT"
  | "HASH_MISMATCH"
  | "NOT_OURS"
  | "FORMAT_TOO_NEW"
  | "KEY_TOO_LONG"
  | "VALUE_TOO_LARGE"
  | "UNSUPPORTED"
  | "UNAVAILABLE"
  | "TIMEOUT"
  | "ABORTED"
  | "CLOSED"
  | "LOCKED"
  | "READ_ONLY"
  | "PERMISSION"
  | "DISK_FULL"
  | "IO"
  | "NOT_JSON"
  | "CYCLE"
  | "TOO_DEEP"
  | "UNSUPPORTED_TYPE"
  | "UNKNOWN_CODEC"
  | "CODEC_FAILED"
  | "KEY_UNKNOWN"
  | "SEAL_BROKEN"
  | "VALIDATION"
  | "NATIVE_LOAD"
  | "LEASE_LOST"
  | "IDEMPOTENCY_MISMATCH"
  | "REENTERED"
  | "FORKED"
  | "PLUGIN_NOT_FOUND"
  | "PLUGIN_EXISTS"
  | "INIT_FAILED"
  | "BACKEND_NOT_FOUND"
  | "BACKEND_EXISTS"
  | "NO_BACKENDS"
  | "OUT_OF_MEMORY"
  | "LEASE_HELD";

/** A code's number, whether the same call may succeed when made again, and its meaning. */
export type CodeEntry = readonly [number: number, retryable: boolean, meaning: string];

/** Each code: its number, whether the same call may succeed when made again, and its meaning. */
export const CODES: Readonly<Record<Code, CodeEntry>> = {
  INTERNAL: [1, false, "A fault of Keepstate's own; please report it."],
  INVALID_ARGUMENT: [2, false, "An argument is not what the call takes."],
  INVALID_CONFIG: [3, false, "An option, a URL or a configuration key is wrong."],
  INVALID_REF: [4, false, "A reference or a name does not parse."],
  NOT_FOUND: [5, false, "What was named does not exist."],
  CONFLICT: [6, false, "Somebody else wrote first."],
  CORRUPT: [7, false, "Stored bytes are damaged."],
  HASH_MISMATCH: [8, false, "Content does not match its recorded hash."],
  NOT_OURS: [9, false, "A file or folder is not one of Keepstate's."],
  FORMAT_TOO_NEW: [10, false, "Written by a newer version of Keepstate."],
  KEY_TOO_LONG: [11, false, "A key is longer than the store can hold."],
  VALUE_TOO_LARGE: [12, false, "A value is larger than the store can hold."],
  UNSUPPORTED: [13, false, "The store, codec or encoding cannot do this."],
  UNAVAILABLE: [14, true, "The store cannot be reached now."],
  TIMEOUT: [15, true, "The call took longer than allowed."],
  ABORTED: [16, false, "The caller cancelled."],
  CLOSED: [17, false, "The store or handle is closed."],
  LOCKED: [18, true, "Another process holds the folder's lock."],
  READ_ONLY: [19, false, "The store is open or mounted read-only."],
  PERMISSION: [20, false, "The operating system refused access."],
  DISK_FULL: [21, false, "No space is left."],
  IO: [22, false, "An input or output operation failed."],
  NOT_JSON: [23, false, "A value is not what JSON can hold."],
  CYCLE: [24, false, "A value refers to itself."],
  TOO_DEEP: [25, false, "A value is nested too deeply."],
  UNSUPPORTED_TYPE: [26, false, "A value of this type cannot be saved."],
  UNKNOWN_CODEC: [27, false, "No codec of this name is registered."],
  CODEC_FAILED: [28, false, "A codec could not compress or decompress."],
  KEY_UNKNOWN: [29, false, "No sealing key with this id was given."],
  SEAL_BROKEN: [
    30,
    false,
    "A sealed value has a wrong key, place or bytes.",
  ],
  VALIDATION: [31, false, "A value does not match its schema."],
  NATIVE_LOAD: [32, false, "The native addon could not be loaded."],
  LEASE_LOST: [33, false, "Another writer has taken the lease."],
  IDEMPOTENCY_MISMATCH: [34, false, "The key was used for other content."],
  REENTERED: [35, false, "A save was called from within a save."],
  FORKED: [36, false, "The handle belongs to the parent of this process."],
  PLUGIN_NOT_FOUND: [37, false, "No store plugin of this name is registered."],
  PLUGIN_EXISTS: [38, false, "A store plugin has this name already."],
  INIT_FAILED: [39, false, "A store plugin could not start."],
  BACKEND_NOT_FOUND: [40, false, "The route has no store of this name."],
  BACKEND_EXISTS: [41, false, "The route has a store of this name already."],
  NO_BACKENDS: [42, false, "The route has no store that can serve this."],
  OUT_OF_MEMORY: [43, false, "A limit on memory was reached."],
  LEASE_HELD: [44, true, "Another writer holds the lease."],
};

/** Where an error happened, as far as it is known. */
export interface Place {
  /** The store's key. */
  readonly key?: string | undefined;
  /** The timeline, as `agent/session`. */
  readonly timeline?: string | undefined;
  /** The JSON pointer into the value. */
  readonly pointer?: string | undefined;
  /** The log's segment number. */
  readonly segment?: number | undefined;
  /** The byte offset in the segment, file or value. */
  readonly offset?: number | undefined;
  /** The path of the file or folder. */
  readonly path?: string | undefined;
}

/** What an error can carry beside its code and message. */
export interface ErrorDetails extends Place {
  /** What led to it. */
  readonly cause?: unknown;
}

const PLACES = ["key", "timeline", "pointer", "segment", "offset", "path"] as const;

// The ESM and the CommonJS copy of this module have different classes; the brand makes them agree.
const BRAND = Symbol.for("keepstate.error");

/** Everything in Keepstate that can fail, fails with this. */
export class KeepstateError extends Error {
  /** What went wrong, by meaning; stable across versions and languages. */
  readonly code: Code;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
  /** The store's key. */
  declare readonly key?: string;
  /** The timeline, as `agent/session`. */
  declare readonly timeline?: string;
  /** The JSON pointer into the value. */
  declare readonly pointer?: string;
  /** The log's segment number. */
  declare readonly segment?: number;
  /** The byte offset in the segment, file or value. */
  declare readonly offset?: number;
  /** The path of the file or folder. */
  declare readonly path?: string;

  /** `message` says what happened and what the user can do. */
  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = CODES[code][1];
    for (const name of PLACES) {
      if (details[name] !== undefined) Object.assign(this, { [name]: details[name] });
    }
  }

  /** Whether `value` is a KeepstateError of any copy of this module; subclasses ask as usual. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== KeepstateError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

Object.defineProperty(KeepstateError.prototype, BRAND, { value: true });
Object.defineProperty(KeepstateError.prototype, "name", { value: "KeepstateError" });

/** The code with this number; a number this version does not know is INTERNAL. */
export function codeOf(number: number): Code {
  for (const name of Object.keys(CODES) as Code[]) if (CODES[name][0] === number) return name;
  return "INTERNAL";
}
