import { isPlain } from "./classify.js";
import { isSame } from "./compare-tape.js";
import { HOLE, Kind, Node } from "./node.js";
import type { Shape } from "./shape.js";

/** How far ahead a shifted run is looked for before everything is compared with everything. */
const OFFSETS = 8;

/** What stands for a new item's old one when there is none. */
export const NONE = -1;

/** An array's item, or the one hole. */
export function itemOf(array: readonly unknown[], i: number): unknown {
  const value = array[i];
  return value !== undefined || i in array ? value : HOLE;
}

/** Whether a value is probably not what became of an old one, but another. */
export function hasMoved(before: unknown, value: unknown): boolean {
  if (before instanceof Node && before !== HOLE) {
    return !matches(before, value) && !looksAlike(before, value);
  }
  return !(typeof before === "string" && typeof value === "string" && value.startsWith(before));
}

/**
 * For each item of an array from `from` on, the old value that it is to be compared with, or NONE;
 * in ascending order. A pair need not be equal: pairing proposes, the walk decides.
 */
export function align(node: Node, array: readonly unknown[], from: number): Int32Array {
  const pairing = new Pairing(node.vals as unknown[], array, from);
  return pairing.run();
}

class Pairing {
  readonly #vals: unknown[];
  readonly #array: readonly unknown[];
  readonly #from: number;
  readonly #pairs: Int32Array;
  #oldEnd: number;
  #newEnd: number;

  constructor(vals: unknown[], array: readonly unknown[], from: number) {
    this.#vals = vals;
    this.#array = array;
    this.#from = from;
    this.#oldEnd = vals.length;
    this.#newEnd = array.length;
    this.#pairs = new Int32Array(array.length - from).fill(NONE);
  }

  run(): Int32Array {
    this.#trimEnd();
    this.#run(this.#from, this.#from);
    this.#fillGaps();
    return this.#pairs;
  }

  #matches(old: number, i: number): boolean {
    return matches(this.#vals[old], itemOf(this.#array, i));
  }

  #pair(i: number, old: number): void {
    this.#pairs[i - this.#from] = old;
  }

  #trimEnd(): void {
    const from = this.#from;
    while (this.#oldEnd > from && this.#newEnd > from) {
      if (!this.#matches(this.#oldEnd - 1, this.#newEnd - 1)) return;
      this.#pair(--this.#newEnd, --this.#oldEnd);
    }
  }

  /** Pairs in order, as long as no more than a few items in a row were added or taken away. */
  #run(oldFrom: number, from: number): void {
    let old = oldFrom;
    let i = from;
    while (old < this.#oldEnd && i < this.#newEnd) {
      const skip = this.#skip(old, i);
      if (skip === undefined) return this.#pairByIdentity(old, i);
      old += Math.max(-skip, 0);
      i += Math.max(skip, 0);
      this.#pair(i++, old++);
    }
  }

  /** 0 for a match, n when n items were added, -n when n were taken away. */
  #skip(old: number, i: number): number | undefined {
    for (let offset = 0; offset <= OFFSETS; offset++) {
      if (old + offset < this.#oldEnd && this.#matches(old + offset, i)) return -offset;
      if (i + offset < this.#newEnd && this.#matches(old, i + offset)) return offset;
    }
    return undefined;
  }

  /** Finds each item's old place, and keeps the longest series of them that is in order. */
  #pairByIdentity(oldFrom: number, from: number): void {
    const places = new Map<unknown, number[]>();
    for (let old = this.#oldEnd - 1; old >= oldFrom; old--) {
      const key = identityOf(this.#vals[old]);
      const known = places.get(key);
      if (known === undefined) places.set(key, [old]);
      else known.push(old);
    }
    const found: number[] = [];
    const items: number[] = [];
    for (let i = from; i < this.#newEnd; i++) {
      const old = places.get(itemOf(this.#array, i))?.pop();
      if (old === undefined) continue;
      found.push(old);
      items.push(i);
    }
    for (const k of longestIncreasing(found)) this.#pair(items[k] as number, found[k] as number);
  }

  /** Between the pairs, what is of one kind is paired in order. */
  #fillGaps(): void {
    const pairs = this.#pairs;
    const taken = this.#takenBehind();
    let old = this.#from;
    for (let k = 0; k < pairs.length; k++) {
      const pair = pairs[k] as number;
      if (pair !== NONE) {
        old = pair + 1;
      } else if (old < (taken[k] as number)) {
        const value = itemOf(this.#array, this.#from + k);
        if (isComparable(this.#vals[old], value)) pairs[k] = old++;
      }
    }
  }

  /** For each item, the first old place that an item behind it has. */
  #takenBehind(): Int32Array {
    const pairs = this.#pairs;
    const taken = new Int32Array(pairs.length);
    let next = this.#vals.length;
    for (let k = pairs.length - 1; k >= 0; k--) {
      taken[k] = next;
      if (pairs[k] !== NONE) next = pairs[k] as number;
    }
    return taken;
  }
}

/** Whether a value is the old one: the same reference, or equal, or alike where that is all. */
function matches(before: unknown, value: unknown): boolean {
  if (!(before instanceof Node) || before === HOLE) return Object.is(before, value);
  if (before.ref === value) return true;
  if (typeof value !== "object" || value === null) return false;
  return before.kind === Kind.tape
    ? isSame(before.vals as unknown[], value)
    : before.kind <= Kind.instance && looksAlike(before, value);
}

/** Whether an object may be what became of an old one: most of its own scalars are as before. */
function looksAlike(before: Node, value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof Node) return false;
  if (Array.isArray(value)) return before.kind === Kind.array || isTapeOf(before, "number");
  if (!isPlain(value)) return false;
  if (before.kind === Kind.object) {
    return isAlike(before.shape, before.vals as unknown[], value as Record<string, unknown>);
  }
  if (!isTapeOf(before, "object")) return false;
  const [, shape, ...slots] = before.vals as [object, Shape, ...unknown[]];
  return isAlike(shape, slots, value as Record<string, unknown>);
}

function isTapeOf(node: Node, tag: "number" | "object"): boolean {
  return node.kind === Kind.tape && typeof (node.vals as unknown[])[1] === tag;
}

/** Looks at the scalars before the first container. */
function isAlike(shape: Shape, slots: unknown[], value: Record<string, unknown>): boolean {
  const { keys } = shape;
  let same = 0;
  let seen = 0;
  for (; seen < keys.length; seen++) {
    const slot = slots[seen];
    if (typeof slot === "object" && slot !== null) break;
    if (value[keys[seen] as string] === slot) same++;
  }
  return seen === 0 ? keys.length > 0 && (keys[0] as string) in value : same * 2 > seen;
}

function isComparable(before: unknown, value: unknown): boolean {
  if (!(before instanceof Node)) return typeof before === "string" && typeof value === "string";
  return typeof value === "object" && value !== null && before !== HOLE && value !== HOLE;
}

function identityOf(before: unknown): unknown {
  return before instanceof Node && before !== HOLE ? before.ref : before;
}

/** The places of a longest increasing series, by patience sorting. */
function longestIncreasing(values: readonly number[]): number[] {
  const tails: number[] = [];
  const before: number[] = [];
  values.forEach((value, i) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[tails[middle] as number] as number) < value) low = middle + 1;
      else high = middle;
    }
    before[i] = low > 0 ? (tails[low - 1] as number) : NONE;
    tails[low] = i;
  });
  const series: number[] = [];
  let place = tails.at(-1) ?? NONE;
  for (; place !== NONE; place = before[place] as number) series.push(place);
  return series.reverse();
}
