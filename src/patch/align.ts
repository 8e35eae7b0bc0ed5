/** Which elements of two arrays belong together: a longest common subsequence of equal ones. */

import { sameValue } from "./equal.js";

/** A stretch where the arrays part: `before` up to `beforeEnd` became `after` up to `afterEnd`. */
export interface Gap {
  readonly before: number;
  readonly beforeEnd: number;
  readonly after: number;
  readonly afterEnd: number;
}

// Above so many cells the table costs more than a smaller patch is worth; the middle is one gap.
const CELLS = 4_000_000;

/** The gaps between the equal elements, left to right; none where the arrays are equal. */
export function align(before: readonly unknown[], after: readonly unknown[]): Gap[] {
  const { start, beforeEnd, afterEnd } = trim(before, after);
  if (start === beforeEnd && start === afterEnd) return [];
  const whole = { before: start, beforeEnd, after: start, afterEnd };
  if ((beforeEnd - start) * (afterEnd - start) > CELLS) return [whole];
  const classes = new Classes();
  const left = before.slice(start, beforeEnd).map((value) => classes.of(value));
  const right = after.slice(start, afterEnd).map((value) => classes.of(value));
  return gaps(left, right, start);
}

function trim(
  before: readonly unknown[],
  after: readonly unknown[],
): { start: number; beforeEnd: number; afterEnd: number } {
  let start = 0;
  let beforeEnd = before.length;
  let afterEnd = after.length;
  while (start < beforeEnd && start < afterEnd && sameValue(before[start], after[start])) start++;
  while (beforeEnd > start && afterEnd > start) {
    if (!sameValue(before[beforeEnd - 1], after[afterEnd - 1])) break;
    beforeEnd--;
    afterEnd--;
  }
  return { start, beforeEnd, afterEnd };
}

/** Numbers for values, equal for equal values, so that the table compares integers only. */
class Classes {
  readonly #buckets = new Map<string, { value: unknown; id: number }[]>();
  #next = 0;

  of(value: unknown): number {
    const key = fingerprint(value);
    const bucket = this.#buckets.get(key) ?? [];
    const known = bucket.find((member) => sameValue(member.value, value));
    if (known) return known.id;
    this.#buckets.set(key, [...bucket, { value, id: this.#next }]);
    return this.#next++;
  }
}

/** Cheap, and equal for equal values; `sameValue` decides within a bucket. */
function fingerprint(value: unknown, depth = 2): string {
  if (typeof value !== "object" || value === null) return `${typeof value}:${String(value)}`;
  if (depth === 0) return "...";
  if (Array.isArray(value)) {
    return `[${value.length}:${value.slice(0, 4).map((v) => fingerprint(v, depth - 1)).join()}]`;
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = entries.slice(0, 8).map(([key, v]) => `${key}=${fingerprint(v, depth - 1)}`);
  return `{${entries.length}:${parts.join()}}`;
}

/** The classical table, walked from the front so that gaps come out left to right. */
function gaps(left: readonly number[], right: readonly number[], start: number): Gap[] {
  const lengths = commonLengths(left, right);
  const width = right.length + 1;
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  const found: Gap[] = [];
  let open = { i: 0, j: 0 };
  const close = (i: number, j: number): void => {
    if (i > open.i || j > open.j) {
      found.push({
        before: start + open.i,
        beforeEnd: start + i,
        after: start + open.j,
        afterEnd: start + j,
      });
    }
  };
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    if (left[i] === right[j]) {
      close(i++, j++);
      open = { i, j };
    } else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  close(left.length, right.length);
  return found;
}

/** lengths[i, j]: how long the longest common subsequence of left from i and right from j is. */
function commonLengths(left: readonly number[], right: readonly number[]): Uint32Array {
  const width = right.length + 1;
  const lengths = new Uint32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const below = lengths[(i + 1) * width + j] ?? 0;
      const beside = lengths[i * width + j + 1] ?? 0;
      const diagonal = lengths[(i + 1) * width + j + 1] ?? 0;
      lengths[i * width + j] = left[i] === right[j] ? diagonal + 1 : Math.max(below, beside);
    }
  }
  return lengths;
}
