/** What some calls of a timeline tell. */

import type { KeepstateError } from "../errors.js";
import type { SignalOptions } from "./options.js";
import type { Snapshot } from "./snapshot.js";

/** How fine a summary of changes is. */
export interface DiffSummaryOptions extends SignalOptions {
  /** How many names deep paths are told apart: 1 (the default) for each of the state's own. */
  readonly depth?: number | undefined;
}

/** What `delete` has done. */
export interface Deleted {
  readonly snapshots: number;
  /** How many bytes came back at once; `compact` of the store may give back more. */
  readonly freedBytes: number;
  /** The forks that need some of it, which stays for them. */
  readonly forks: readonly string[];
}

/** What `blame` found. */
export interface Blame {
  /** The snapshot that changed the value last. */
  readonly snapshot: Snapshot;
  /**
   * What it did. `oldest`: the value is in the oldest snapshot that there is, and who brought it is
   * not known.
   */
  readonly did: "add" | "change" | "remove" | "oldest";
}

/** What `repair` of a timeline has done. */
export interface Repaired {
  /** How many snapshots are whole. */
  readonly kept: number;
  /** Those that are gone because nothing proves them any more. */
  readonly lost: readonly Lost[];
  /** The tags that named some of these; they are gone as well. */
  readonly tags: readonly string[];
  /**
   * The timeline's own index was damaged and was made anew: the tags, the lease and what it knew of
   * forks are gone.
   */
  readonly indexLost: boolean;
}

/** A snapshot that could not be saved. */
export interface Lost {
  readonly ref: string;
  readonly sequence: number;
  readonly why: KeepstateError;
}

/** A timeline that was imported or copied. */
export interface Imported {
  /** The latest snapshot. */
  readonly snapshot: Snapshot;
  /** How many snapshots came. */
  readonly snapshots: number;
  /** How many bytes the file had. */
  readonly bytes: number;
}

/** How far an export, an import or a copy is. */
export interface TransferProgress {
  /** How many bytes of the file have passed. */
  readonly bytes: number;
  /** How many snapshots have come, for imports and copies. */
  readonly snapshots: number;
}

/** What copies and imports take. */
export interface TransferOptions extends SignalOptions {
  /** Called now and then. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}
