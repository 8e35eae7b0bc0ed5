/** Which paths of a state hold its bytes. */

import type { NativeWeight } from "../native/insight.js";
import { escapeToken } from "../patch/pointer.js";
import { checkKnown, checkNumbers, type SignalOptions } from "./options.js";

/** How much `why` tells. */
export interface WhyOptions extends SignalOptions {
  /** How many names deep: 2 by default; 0 is the state as a whole alone. */
  readonly depth?: number | undefined;
  /** How many parts of one value are told by name, the heaviest first: 10 by default. */
  readonly most?: number | undefined;
}

/** The bytes of a value. */
export interface Weight {
  /** Where it is, as a JSON pointer; empty for the whole state. */
  readonly path: string;
  /** What it is called in the value around it; empty for the whole state. */
  readonly name: string;
  readonly kind: "object" | "array" | "string" | "bytes" | "other";
  /** How many bytes it has, encoded. */
  readonly size: number;
  /** About how many of the store's bytes are its, compressed. */
  readonly storedBytes: number;
  /** How many values are in it. */
  readonly count: number;
  /** The heaviest of them, as deep as was asked for. */
  readonly parts: readonly Weight[];
  /** What the others in it have together, where some are told by name and not all. */
  readonly rest?: Rest;
}

/** What is not told by name. */
export interface Rest {
  readonly count: number;
  readonly size: number;
  readonly storedBytes: number;
}

/** What the core is asked for. */
export function weighingOf(options: WhyOptions): { depth: number; most: number } {
  checkKnown("why", options, ["depth", "most", "signal"]);
  const { depth = 2, most = 10 } = options;
  checkNumbers({ depth });
  checkNumbers({ most }, 1);
  return { depth, most };
}

/** What the core told, with paths. */
export function weightOf(told: NativeWeight, path: string = ""): Weight {
  const { name, kind, size, storedBytes, count } = told;
  const parts = told.parts.map((part) => weightOf(part, `${path}/${escapeToken(part.name)}`));
  const rest = restOf(told);
  return { path, name, kind, size, storedBytes, count, parts, ...(rest ? { rest } : {}) };
}

function restOf({ count, size, storedBytes, parts }: NativeWeight): Rest | undefined {
  if (parts.length === 0 || parts.length === count) return undefined;
  const sum = (of: (part: NativeWeight) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  return {
    count: count - parts.length,
    size: size - sum((part) => part.size),
    storedBytes: Math.max(0, storedBytes - sum((part) => part.storedBytes)),
  };
}
