/** What a handle on a timeline is opened with. */

import type { StandardSchema } from "../schema/standard.js";
import type { LeaseOption } from "./leases.js";

/** Options of one timeline. */
export interface TimelineOptions<State> {
  /** `msgpack` (the default), `json`, `bytes`, or the name of an encoding of one's own. */
  readonly encoding?: string | undefined;
  /**
   * States are made of frozen parts, as those of Immer and Redux Toolkit are: what is deeply frozen
   * is known by its reference and not read again. Anything else may still change in place.
   */
  readonly immutable?: boolean | undefined;
  /** Every state is validated when it is saved and when it is restored. */
  readonly schema?: StandardSchema<unknown, State> | undefined;
  /** `full`: also keep a SHA-256 of each whole state. */
  readonly integrity?: "fast" | "full" | undefined;
  /**
   * Only this handle saves: it takes a lease before its first save, and others get LEASE_HELD. Who
   * does not save for `ttl` (60 seconds by default) can lose it, and then gets LEASE_LOST.
   */
  readonly lease?: LeaseOption | undefined;
}

/** Their names. */
export const TIMELINE_OPTIONS: readonly string[] = [
  "encoding",
  "immutable",
  "schema",
  "integrity",
  "lease",
];
