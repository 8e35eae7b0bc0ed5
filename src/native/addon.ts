// The stores and machines of the addon. Nothing native throws: every call returns its value or an
// error record, and `value` (or `settled` for promises) in `record.ts` turns a record into a
// KeepstateError here, so that the stack is the caller's.
//
// Bytes that go in are copied before a call returns, unless its text says otherwise; bytes that
// come out belong to the caller.

/** What failed, as data. */
export interface NativeErrorRecord {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    /** The text of each cause, outermost first. */
    readonly cause: readonly string[];
    readonly key?: string;
    readonly timeline?: string;
    readonly pointer?: string;
    readonly segment?: number;
    readonly offset?: number;
    readonly path?: string;
  };
}

/** A value or what failed. */
export type Outcome<T> = T | NativeErrorRecord;

/** Settles with a value or an error record; it never rejects. */
export type Later<T> = Promise<Outcome<T>>;

/** At once where the work is microseconds and nothing must be waited for, else later. */
export type Soon<T> = Outcome<T> | Later<T>;

/** Cancels a call: `signal.addEventListener("abort", () => token.abort())`. */
export interface AbortToken {
  abort(): void;
}

export interface NativeRange {
  readonly offset: number;
  readonly length: number;
}

/** The condition of a write: a version, `null` for "must be absent", `undefined` for none. */
export type Condition = string | null | undefined;

export const PUT = 0;
export const DELETE = 1;
export const CHECK = 2;

/** One step of a commit. A delete takes no `null`; `ttl` is in milliseconds. */
export type NativeOp =
  | readonly [kind: typeof PUT, key: string, value: Uint8Array, condition?: Condition, ttl?: number]
  | readonly [kind: typeof DELETE, key: string, condition?: string]
  | readonly [kind: typeof CHECK, key: string, condition: string | null];

export interface NativeFound {
  readonly value: Uint8Array;
  readonly version: string;
}

export interface NativeEntry {
  readonly key: string;
  readonly size: number;
  readonly version: string;
  readonly modified: number;
}

export interface NativeQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
}

export interface NativeSupports {
  readonly kind: string;
  readonly commit: boolean;
  readonly conditionalPut: boolean;
  readonly conditionalDelete: boolean;
  readonly ttl: boolean;
  readonly view: boolean;
  readonly durable: "yes" | "no" | "unknown";
  readonly maxValue: number;
  readonly maxBatch: number;
}

/** What `getSync` returns where there is no value; below it, that it failed. */
export const ABSENT = -1;

/** A store of the core. */
export interface NativeStore {
  supports(): NativeSupports;
  /**
   * Copies the value into `into` at `offset` and returns its length. Where it does not fit, nothing
   * is copied: call again with a larger buffer. -1: there is none; -2: `takeError` has the record.
   */
  getSync(key: string, into: Uint8Array, offset: number): number;
  /** Why the last `getSync` on this handle failed. */
  takeError(): NativeErrorRecord;
  get(key: string, range?: NativeRange): Soon<NativeFound | null>;
  list(query: NativeQuery): Soon<NativeEntry[]>;
  /**
   * A commit of one put; gives the new version. Writes that complete on the calling thread (memory,
   * the log with `async` durability) return it at once. All others of one tick reach the store
   * together and share its sync.
   */
  put(key: string, value: Uint8Array, condition?: Condition, ttl?: number): Soon<string>;
  delete(key: string, condition?: string): Soon<null>;
  /** All of them or none; gives the versions of the puts in their order. */
  commit(ops: readonly NativeOp[]): Soon<string[]>;
  flush(): Later<null>;
  stats(): Later<Record<string, number>>;
  /** Reads everything; resolves to the damage that was found. */
  verify(options: NativeVerifyOptions): Later<NativeErrorRecord[]>;
  compact(): Later<null>;
  /** A store that reads as of now; `close` releases it. */
  view(): Outcome<NativeStore>;
  /** Completes what was started. Idempotent. */
  close(): Later<null>;
}

export interface NativeVerifyOptions {
  readonly token?: AbortToken;
  /** Called now and then with the bytes done and the bytes in all. */
  readonly progress?: (done: number, total: number) => void;
}

export interface NativeLogOptions {
  readonly durability?: "sync" | "async";
  readonly readOnly?: boolean;
  readonly create?: boolean;
  /** Bytes of small values held in memory beside the index. */
  readonly memory?: number;
  /** Bytes after which a segment ends and the next one begins. */
  readonly segment?: number;
  /** In async mode: milliseconds after which everything acknowledged is synced. */
  readonly syncEvery?: number;
}

export interface NativeDirOptions {
  readonly durability?: "sync" | "async";
  readonly readOnly?: boolean;
  readonly create?: boolean;
  /** The mode of new files, as in 0o600. */
  readonly mode?: number;
  /** How many earlier versions of each file are kept. */
  readonly backups?: number;
  /** Folders that the keys are spread over. */
  readonly shards?: number;
}

/**
 * What a machine asks the holder of the store for. A put or delete of one key is asked as a commit
 * of one step, which every store can do.
 */
export type NativeRequest =
  | {
      readonly id: number;
      readonly kind: "get";
      readonly key: string;
      readonly range?: NativeRange;
    }
  | { readonly id: number; readonly kind: "list"; readonly query: NativeQuery }
  | { readonly id: number; readonly kind: "commit"; readonly ops: readonly NativeOp[] }
  | { readonly id: number; readonly kind: "now" | "cancelled" }
  | { readonly id: number; readonly kind: "random"; readonly count: number }
  | { readonly id: number; readonly kind: "sleep"; readonly milliseconds: number };

/**
 * The answer to a request: what its kind asks for (`get`: NativeFound or null; `list`:
 * NativeEntry[]; `commit`: the versions of the puts; `now`: milliseconds; `random`: bytes;
 * `cancelled`: boolean; `sleep`: null), or the record of what failed.
 */
export type NativeAnswer =
  | { readonly id: number; readonly value: NativeAnswerValue }
  | ({ readonly id: number } & NativeErrorRecord);

export type NativeAnswerValue =
  | NativeFound
  | readonly NativeEntry[]
  | readonly string[]
  | Uint8Array
  | number
  | boolean
  | null;

/** What a machine asks next, or what it ended with. */
export type NativeStep<T> = { readonly requests: readonly NativeRequest[] } | { readonly done: T };

/** An operation over a store that TypeScript holds. Answers may come in any order and in parts. */
export interface NativeMachine<T> {
  /**
   * Goes on as far as the answers reach, at first with none. No requests in the result means that
   * earlier ones are still open. A machine that failed gives its error record.
   */
  step(answers: readonly NativeAnswer[]): Soon<NativeStep<T>>;
  /** Gives it up: whoever stops answering before the end calls this. */
  cancel(): void;
}

/** The names that `digest` knows. */
export type NativeDigest = "blake3" | "sha256" | "crc32c";
/** The names that `compress` and `decompress` know. */
export type NativeCodec = "none" | "gzip" | "zstd" | "lz4" | "brotli";

/** What `decompress` may give at most: a stored length is never believed beyond it. */
export interface NativeDecompressOptions {
  readonly maxLength: number;
}

/** The two parts of a timeline's name, as they are: nothing is escaped. */
export interface NativeName {
  readonly agent: string;
  readonly session: string;
}
