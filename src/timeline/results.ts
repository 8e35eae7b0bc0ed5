/** What some calls of a timeline tell. */

import type { KeepstateError } from "../errors.js";
import type { SignalOptions } from "./options.js";

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

/** What `verify` found. */
export interface Verified {
  readonly snapshots: number;
  /** How many bytes of states were rebuilt and proven. */
  readonly bytes: number;
  /** An empty list means that everything holds. */
  readonly damage: readonly KeepstateError[];
}
