/**
 * How one state becomes another, as a JSON Patch (RFC 6902) over live values.
 *
 * `apply(a, diff(a, b))` is always the same value as `b`. The patch is small and sensible, not
 * provably minimal: objects are compared by key; arrays are aligned by a longest common subsequence
 * of equal elements, and what lies between is paired in order, so that an element that changed
 * inside becomes a change inside.
 */

import { align } from "./align.js";
import { isPlain, sameValue } from "./equal.js";
import { escapeToken } from "./pointer.js";

/** One operation of a JSON Patch. */
export type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string };

/** The operations that turn `before` into `after`. Values are shared with `after`, not copied. */
export function diff(before: unknown, after: unknown): Operation[] {
  const patch: Operation[] = [];
  diffValue(before, after, { path: "", patch });
  return patch;
}

interface Place {
  readonly path: string;
  readonly patch: Operation[];
}

function diffValue(before: unknown, after: unknown, place: Place): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    diffArray(before, after, place);
  } else if (isPlain(before) && isPlain(after) && related(before, after)) {
    diffObject(before, after, place);
  } else if (!sameValue(before, after)) {
    place.patch.push({ op: "replace", path: place.path, value: after });
  }
}

/** Objects without one common key are two things, and one replaces the other. */
function related(before: Record<string, unknown>, after: Record<string, unknown>): boolean {
  const keys = Object.keys(before);
  return keys.length === 0 || keys.some((key) => Object.hasOwn(after, key));
}

function diffObject(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  { path, patch }: Place,
): void {
  for (const key of Object.keys(before)) {
    const child = `${path}/${escapeToken(key)}`;
    if (Object.hasOwn(after, key)) diffValue(before[key], after[key], { path: child, patch });
    else patch.push({ op: "remove", path: child });
  }
  for (const key of Object.keys(after)) {
    if (Object.hasOwn(before, key)) continue;
    patch.push({ op: "add", path: `${path}/${escapeToken(key)}`, value: after[key] });
  }
}

/** Left to right: `index` is where the array stands after the operations so far. */
function diffArray(
  before: readonly unknown[],
  after: readonly unknown[],
  { path, patch }: Place,
): void {
  for (const gap of align(before, after)) {
    const paired = Math.min(gap.beforeEnd - gap.before, gap.afterEnd - gap.after);
    for (let i = 0; i < paired; i++) {
      const child = `${path}/${gap.after + i}`;
      diffValue(before[gap.before + i], after[gap.after + i], { path: child, patch });
    }
    const index = gap.after + paired;
    for (let i = gap.before + paired; i < gap.beforeEnd; i++) {
      patch.push({ op: "remove", path: `${path}/${index}` });
    }
    for (let i = index; i < gap.afterEnd; i++) {
      patch.push({ op: "add", path: `${path}/${i}`, value: after[i] });
    }
  }
}
