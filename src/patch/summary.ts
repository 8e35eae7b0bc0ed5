/** How two states differ, by path and for people: what came, went or changed, and how much. */

import { UnknownType } from "../encode/unknown-type.js";
import { align, type Gap } from "./align.js";
import { diff } from "./diff.js";
import { isPlain, sameValue } from "./equal.js";
import { escapeToken } from "./pointer.js";

/** What stands at a path. */
export interface DiffSide {
  /** `object`, `array`, `string`, `number`, ..., or the name of a type, as `Date` or `Map`. */
  readonly type: string;
  /** Its size in bytes, encoded; absent where it cannot be encoded by itself. */
  readonly size?: number;
  /** How many members, elements or entries it has, if it is a container. */
  readonly count?: number;
}

/** What became of one path. */
export interface DiffEntry {
  /** As a JSON pointer; elements of arrays by their number after the change, gone ones before. */
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** What stood there; absent where it was added. */
  readonly before?: DiffSide;
  /** What stands there; absent where it was removed. */
  readonly after?: DiffSide;
  /** How many changes lie at or below this path, as operations of a JSON Patch. */
  readonly changes: number;
}

/** How to summarize. */
export interface SummaryOptions {
  /** How many names deep paths are told apart. */
  readonly depth: number;
  /** The encoded size of a value, if it has one. */
  readonly sizeOf: (value: unknown) => number | undefined;
}

/** Before and after. */
export type Sides<T> = readonly [before: T, after: T];

interface Place extends SummaryOptions {
  readonly path: string;
  readonly entries: DiffEntry[];
}

/** The paths that differ, down to a depth; what differs below one of them is counted there. */
export function summarize(sides: Sides<unknown>, options: SummaryOptions): DiffEntry[] {
  const entries: DiffEntry[] = [];
  compare(sides, { ...options, path: "", entries });
  return entries;
}

function compare(sides: Sides<unknown>, place: Place): void {
  const [before, after] = sides;
  if (sameValue(before, after)) return;
  if (place.depth > 0 && isPlain(before) && isPlain(after)) {
    compareObjects([before, after], place);
  } else if (place.depth > 0 && Array.isArray(before) && Array.isArray(after)) {
    for (const gap of align(before, after)) compareGap([before, after], gap, place);
  } else {
    const { path } = place;
    const told = { before: sideOf(before, place), after: sideOf(after, place) };
    const changes = diff(before, after).length;
    place.entries.push({ path, kind: "changed", ...told, changes });
  }
}

function compareObjects(sides: Sides<Record<string, unknown>>, place: Place): void {
  const [before, after] = sides;
  for (const [key, value] of Object.entries(before)) {
    const child = below(place, key);
    if (Object.hasOwn(after, key)) compare([value, after[key]], child);
    else removed(value, child);
  }
  for (const [key, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, key)) added(value, below(place, key));
  }
}

/** What lies between two equal elements is paired in order; the rest came or went. */
function compareGap(sides: Sides<readonly unknown[]>, gap: Gap, place: Place): void {
  const [before, after] = sides;
  const [gone, come] = [gap.beforeEnd - gap.before, gap.afterEnd - gap.after];
  for (let i = 0; i < Math.max(gone, come); i++) {
    const [old, now] = [gap.before + i, gap.after + i];
    if (i >= come) removed(before[old], below(place, old));
    else if (i >= gone) added(after[now], below(place, now));
    else compare([before[old], after[now]], below(place, now));
  }
}

function below(place: Place, name: string | number): Place {
  const path = `${place.path}/${escapeToken(String(name))}`;
  return { ...place, path, depth: place.depth - 1 };
}

function removed(value: unknown, place: Place): void {
  const { path, entries } = place;
  entries.push({ path, kind: "removed", before: sideOf(value, place), changes: 1 });
}

function added(value: unknown, place: Place): void {
  const { path, entries } = place;
  entries.push({ path, kind: "added", after: sideOf(value, place), changes: 1 });
}

function sideOf(value: unknown, { sizeOf }: SummaryOptions): DiffSide {
  const size = sizeOf(value);
  const count = countOf(value);
  return {
    type: typeOf(value),
    ...(size === undefined ? {} : { size }),
    ...(count === undefined ? {} : { count }),
  };
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "array";
  if (value instanceof UnknownType) return value.name;
  return isPlain(value) ? "object" : Object.prototype.toString.call(value).slice(8, -1);
}

function countOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  return isPlain(value) ? Object.keys(value).length : undefined;
}
