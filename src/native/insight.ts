// What the addon tells of a timeline as a whole, and how one goes to a file and comes from one.

import type { NativeErrorRecord } from "./addon.js";

/** Which value of which snapshot. */
export interface NativeBlaming {
  readonly ref: string;
  /** The steps from the whole state to the value. */
  readonly path: readonly string[];
}

/** What a snapshot did to a value. */
export type NativeDid = "add" | "change" | "remove" | "oldest";

export interface NativeWeighing {
  readonly ref: string;
  readonly depth: number;
  /** How many parts of one value. */
  readonly most: number;
}

/** The bytes of a value. */
export interface NativeWeight {
  /** What it is called in the value around it; empty for the whole. */
  readonly name: string;
  readonly kind: "object" | "array" | "string" | "bytes" | "other";
  readonly size: number;
  readonly storedBytes: number;
  /** How many values are in it. */
  readonly count: number;
  /** Those of them that weigh most, the heaviest first. */
  readonly parts: readonly NativeWeight[];
}

export interface NativeVerified {
  readonly snapshots: number;
  readonly bytes: number;
  readonly damage: readonly NativeErrorRecord[];
}

/** Is told of a verification: snapshots, bytes, how many numbers it went over, and of how many. */
export type NativeTell = (snapshots: number, bytes: number, done: number, total: number) => void;

/** What a repair of a timeline has done. */
export interface NativeMended {
  readonly kept: number;
  readonly lost: readonly { readonly sequence: number; readonly why: NativeErrorRecord }[];
  /** Tags of what is lost. */
  readonly tags: readonly string[];
  /** The control object was damaged. */
  readonly control: boolean;
}

/** Where the next part of an export begins; `{}` for the first, `{ after }` for what is behind. */
export interface NativeCursor {
  readonly sequence?: number;
  readonly last?: number;
  readonly after?: number;
  readonly cuts?: number;
  readonly chunk?: number;
}

export interface NativePart {
  readonly bytes: Uint8Array;
  /** Absent: that was the last one. */
  readonly next?: NativeCursor;
}

/** An import under way, given back with every piece. */
export interface NativeImport {
  taken(): { readonly snapshots: number; readonly bytes: number };
}
