/**
 * Keepstate keeps the state of AI agents.
 *
 *     import { open } from "keepstate";
 *
 *     await using ks = await open("./state");
 *     const run = ks.timeline("planner/run-42");
 *     await run.save({ messages: [], step: 1 }, { label: "first" });
 *     const state = await run.restore();
 *
 * What it is not: no database for queries, no message bus, and no place for secrets. One state is
 * at most 1 GiB when encoded; names and keys together are at most 1,024 bytes.
 */

import { openFrom, type Keepstate } from "./engine.js";
import type { OpenOptions } from "./options.js";
import type { StoreRepaired } from "./ports/scheme.js";
import { repairUrl } from "./schemes.js";

/** Opens stores. */
export interface Open {
  /**
   * Opens the store that a URL, a path or options name. Reads no file and no environment. A plain
   * path is a folder with the embedded log. Options may stand beside it.
   */
  (store: string | OpenOptions, options?: Omit<OpenOptions, "store">): Promise<Keepstate>;
  /**
   * The same by `keepstate.toml` (or another file) and `KEEPSTATE_*`. Options that are given here
   * win over the environment, which wins over the file.
   */
  fromConfig(path?: string, options?: OpenOptions): Promise<Keepstate>;
  /**
   * Keeps what verifies of an embedded log that is damaged, and tells what was lost. Nobody may
   * have it open. The damaged files stay beside it under other names.
   */
  repair(store: string): Promise<StoreRepaired>;
}

/** Opens a store. */
export const open: Open = Object.assign(
  async (store: string | OpenOptions, options?: Omit<OpenOptions, "store">) => {
    if (typeof store === "string") return openFrom({ ...options, store });
    return openFrom(options && store ? { ...store, ...options } : store);
  },
  {
    fromConfig: async (path = "keepstate.toml", options: OpenOptions = {}) =>
      openFrom(options, { file: path, environment: process.env }),
    repair: async (store: string) => repairUrl(store),
  },
);

export {
  chunkEnds,
  type CodecName,
  compress,
  type CompressOptions,
  compressSync,
  decompress,
  type DecompressBytesOptions,
  decompressSync,
  digest,
  type DigestName,
  digestSync,
} from "./bytes.js";
export type { StoreRepaired } from "./ports/scheme.js";
export type { EmbeddedStore, VerifyOptions } from "./ports/embedded.js";
export type {
  CallOptions,
  Change,
  DeleteOptions,
  Durable,
  Entry,
  Found,
  GetOptions,
  ListOptions,
  Mode,
  Op,
  PutOptions,
  Range,
  Store,
  Supports,
  Version,
  WatchOptions,
} from "./ports/store.js";
export type { Clock } from "./ports/clock.js";
export type { Encoding } from "./encode/encoding.js";
export type { Class, Type } from "./encode/types.js";
export { UnknownType } from "./encode/unknown-type.js";
export type { Keepstate, OpenStore } from "./engine.js";
export type { OpenOptions, StoreOptions } from "./options.js";
export type { Operation } from "./patch/diff.js";
export type { DiffEntry, DiffSide } from "./patch/summary.js";
export type { Issue, StandardSchema, Verdict } from "./schema/standard.js";
export type { TimelineEntry } from "./timeline/names.js";
export type { TimelineName } from "./timeline/reference.js";
export type { Duration, Moment } from "./timeline/moments.js";
export type {
  SaveOptions,
  SignalOptions,
  SnapshotListOptions,
} from "./timeline/options.js";
export type { TimelineOptions } from "./timeline/handle.js";
export type { LeaseOption } from "./timeline/leases.js";
export type { Copied, CopyOptions, CopyTarget, Copying } from "./timeline/copy.js";
export type {
  Blame,
  Deleted,
  DiffSummaryOptions,
  Imported,
  Lost,
  Repaired,
  TransferOptions,
  TransferProgress,
} from "./timeline/results.js";
export type { SearchOptions, StoreSearchOptions, Wanted } from "./timeline/search.js";
export type { Snapshot } from "./timeline/snapshot.js";
export type { Timeline } from "./timeline/timeline.js";
export type {
  Packed,
  PackOptions,
  Pruned,
  PrunedRun,
  PruneOptions,
  StaysBecause,
  Tag,
  TagOptions,
  UntagOptions,
} from "./timeline/upkeep.js";
export type { ExportOptions, FileSource } from "./timeline/transfer.js";
export type {
  StoreVerified,
  Verified,
  VerifyOptions as TimelineVerifyOptions,
  VerifyProgress,
} from "./timeline/verify.js";
export type { Rest, Weight, WhyOptions } from "./timeline/weight.js";
export type {
  Watch,
  Watched,
  WatchOptions as TimelineWatchOptions,
} from "./timeline/watch.js";
export type { RestoreFileOptions, SaveFileOptions } from "./file/path.js";
export { restoreFile, saveFile } from "./file/path.js";
export type { Codec, DecompressOptions } from "./file/codecs.js";
export type { FileEntry } from "./file/list.js";
export type { FileMetadata, FileSaveOptions } from "./file/metadata.js";
export type { StateFile } from "./file/state-file.js";
export { NativeLoadError } from "./native/load-error.js";
export { CODES, type Code, type CodeEntry, KeepstateError } from "./errors.js";
