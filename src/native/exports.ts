// Everything the addon exports.

import type {
  AbortToken,
  Later,
  NativeCodec,
  NativeDecompressOptions,
  NativeDigest,
  NativeDirOptions,
  NativeErrorRecord,
  NativeLogOptions,
  NativeName,
  NativeStore,
  NativeSupports,
  Outcome,
  Soon,
} from "./addon.js";
import type { NativeFile, NativeFileMetadata } from "./file.js";
import type { TapeReader } from "./tape.js";
import type { NativeTimeline, NativeTimelineOptions, SteppedTimeline } from "./timeline.js";

/** How busy the addon is. */
export interface PoolFigures {
  /** Of the whole process: threads, jobs waiting for one, and how often jobs were handed over. */
  readonly threads: number;
  readonly queued: number;
  readonly batches: number;
  /** Of this thread of JavaScript: promises not yet settled, and how often it was woken. */
  readonly pending: number;
  readonly wakes: number;
}

/** What a repair kept and lost. */
export interface NativeRepaired {
  /** Frames that were kept. */
  readonly kept: number;
  /** What was lost or is doubtful, each with its place. */
  readonly lost: readonly NativeErrorRecord[];
  /** Where the damaged files are now. */
  readonly copies: readonly string[];
}

/** Master keys. A value is sealed for one store key, and opens for no other. */
export interface KeyRing {
  seal(key: string, raw: Uint8Array): Soon<Uint8Array>;
  open(key: string, sealed: Uint8Array): Soon<Uint8Array>;
}

/** Everything the addon exports. */
export interface NativeAddon {
  /** The version that this addon was built as; the loader refuses any but the package's own. */
  version(): string;
  /** The table of codes: number, name and whether a retry may help. */
  codes(): { number: number; name: string; retryable: boolean }[];
  pool(): PoolFigures;

  openLog(path: string, options: NativeLogOptions): Later<NativeStore>;
  openDir(path: string, options: NativeDirOptions): Later<NativeStore>;
  openMemory(): Outcome<NativeStore>;
  /** Keeps what verifies of a damaged folder and tells each step that was lost or is doubtful. */
  repairLog(path: string): Later<NativeRepaired>;
  abortToken(): AbortToken;

  timeline(
    store: NativeStore,
    name: NativeName,
    options: NativeTimelineOptions,
  ): Outcome<NativeTimeline>;
  steppedTimeline(
    supports: NativeSupports,
    name: NativeName,
    options: NativeTimelineOptions,
  ): Outcome<SteppedTimeline>;

  /**
   * Whether a timeline with this control object (undefined: it has none) shows any snapshot, where
   * `loose` says that there are keys of values. null: only a look at its values tells.
   */
  timelineShows(
    name: NativeName,
    control: Uint8Array | undefined,
    loose: boolean,
  ): Outcome<boolean | null>;

  /** Hex digits. The `Sync` forms run on this thread: for inputs up to some 64 kB. */
  digestSync(name: NativeDigest, bytes: Uint8Array): Outcome<string>;
  /** These work on the pool, on a copy. */
  digest(name: NativeDigest, bytes: Uint8Array): Later<string>;
  compressSync(codec: NativeCodec, bytes: Uint8Array, level?: number): Outcome<Uint8Array>;
  compress(codec: NativeCodec, bytes: Uint8Array, level?: number): Later<Uint8Array>;
  decompressSync(
    codec: NativeCodec,
    bytes: Uint8Array,
    options: NativeDecompressOptions,
  ): Outcome<Uint8Array>;
  decompress(
    codec: NativeCodec,
    bytes: Uint8Array,
    options: NativeDecompressOptions,
  ): Later<Uint8Array>;
  /** The ends of the content-defined chunks of `bytes`, rising; the last one is its length. */
  chunk(bytes: Uint8Array): Outcome<number[]>;
  /** Keys of 32 bytes with their ids: the first one seals, all of them open. */
  keyRing(keys: readonly (readonly [id: string, key: Uint8Array])[]): Outcome<KeyRing>;

  /** Reads encoded states, one after the other, with one set of buffers. */
  tapeReader(): Outcome<TapeReader>;

  /** The bytes of a single file of this name; its end tells the form. */
  sealFile(name: string, state: Uint8Array, metadata: NativeFileMetadata): Later<Uint8Array>;
  /** The state of a file, proven by its hash, and its metadata as JSON. */
  openFile(name: string, bytes: Uint8Array): Later<NativeFile>;
  /** What a file says of its state, as JSON; the state is not proven. */
  fileMetadata(name: string, bytes: Uint8Array): Later<string>;
  /** Writes a file whole and durably in place of what is there. Its folder must be there. */
  saveFilePath(path: string, bytes: Uint8Array): Later<null>;
  readFilePath(path: string): Later<Uint8Array>;

  /** An encoded state as JSON text, rich types marked as docs/encoding.md tells. */
  toJsonSync(encoded: Uint8Array): Outcome<string>;
  toJson(encoded: Uint8Array): Later<string>;
  /** The encoded state of such a text. What is no JSON is NOT_JSON, with its offset. */
  fromJsonSync(text: string): Outcome<Uint8Array>;
  fromJson(text: string): Later<Uint8Array>;
}
