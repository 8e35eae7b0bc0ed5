import { align, itemOf, NONE } from "./align.js";
import { Kind, type Node } from "./node.js";
import { countHeaderSize, writeArrayHeader, writeMapHeader } from "./scalars.js";
import { NO_KEYS, type Shape } from "./shape.js";
import { REPLACED, type Walker } from "./walker.js";

/** Where the lockstep ended. */
export interface Halt {
  readonly node: Node;
  /** The first value that was not the expected one. */
  readonly from: number;
  /** Where the container's edits begin. */
  readonly mark: number;
}

/** What a container's values are now. */
export interface Sequence {
  readonly count: number;
  readonly shape: Shape;
  /** For each value from `from` on, the old one to compare with, ascending; or NONE, or nothing. */
  readonly pairs: ArrayLike<number>;
  value(i: number): unknown;
}

/**
 * Walks the rest of a container whose values were added to, taken away from or put in another
 * order. Its frame is dropped. Gives its growth; the header is the caller's business.
 */
export function resequence(walk: Walker, sequence: Sequence, { node, from }: Halt): number {
  const { frames, edits, encoder } = walk;
  frames.settle(from);
  const base = frames.base();
  const total = frames.oldStart(node.ends.length);
  const isGrowing = from === node.ends.length;
  const vals = isGrowing ? (node.vals as unknown[]) : (node.vals as unknown[]).slice(0, from);
  const ends = isGrowing ? node.ends : node.ends.slice(0, from);
  const oldCount = node.ends.length;
  let end = frames.oldStart(from) + frames.shift;
  let next = from;
  const drop = (until: number): void => {
    if (until <= next) return;
    const oldAt = base + frames.oldStart(next);
    const oldSize = base + frames.oldStart(until) - oldAt;
    edits.add({ oldAt, oldSize, outAt: encoder.out.at, outSize: 0 });
    next = until;
  };
  for (let i = from; i < sequence.count; i++) {
    const old = sequence.pairs[i - from] ?? NONE;
    if (old === NONE) {
      const oldAt = base + (isGrowing ? total : frames.oldStart(next));
      const outAt = encoder.out.at;
      if (sequence.shape !== NO_KEYS) encoder.key(sequence.shape, i);
      vals[i] = walk.encode(sequence.value(i));
      const outSize = encoder.out.at - outAt;
      edits.add({ oldAt, oldSize: 0, outAt, outSize });
      end += outSize;
    } else {
      drop(old);
      const size = (node.ends[old] as number) - frames.oldStart(old);
      frames.index = old;
      end += size + walk.child(node, old, sequence.value(i));
      vals[i] = (node.vals as unknown[])[old];
      next = old + 1;
    }
    ends[i] = end;
  }
  drop(oldCount);
  node.vals = vals;
  node.ends = ends;
  node.shape = sequence.shape;
  frames.drop();
  return end - total;
}

const ADDED: readonly number[] = [];

/** Goes on with an array that is longer or shorter now, or in which something has moved. */
export function resequenceArray(walk: Walker, array: readonly unknown[], halt: Halt): number {
  const { node, from } = halt;
  const isGrowing = from === node.ends.length;
  const pairs = isGrowing ? ADDED : align(node, array, from);
  const sequence: Sequence = {
    count: array.length,
    shape: NO_KEYS,
    pairs,
    value: (i) => itemOf(array, i),
  };
  return withHead(walk, halt, sequence);
}

/** Goes on with an object that has other keys now, or in another order. */
export function resequenceObject(
  walk: Walker,
  object: Record<string, unknown>,
  halt: Halt,
): number {
  const { node, from } = halt;
  const keys = Object.keys(object);
  const shape = walk.encoder.shapes.of(keys);
  const converts = shape.mayConvert && typeof object["toJSON"] === "function";
  // The object may change while it is read: a prefix that is another now is no prefix.
  if (converts || node.shape.keys.slice(0, from).some((key, i) => keys[i] !== key)) {
    walk.frames.drop();
    return REPLACED;
  }
  const sequence: Sequence = {
    count: keys.length,
    shape,
    pairs: pairByKey(node.shape.keys, keys, from),
    value: (i) => object[keys[i] as string],
  };
  return withHead(walk, halt, sequence);
}

type Keys = readonly unknown[];

/** Pairs equal keys, as long as they are in the old order. */
export function pairByKey(before: Keys, now: Keys, from: number): number[] {
  const places = new Map<unknown, number>();
  for (let i = from; i < before.length; i++) places.set(before[i], i);
  const pairs: number[] = [];
  let next = from;
  for (let i = from; i < now.length; i++) {
    const place = places.get(now[i]);
    if (place === undefined || place < next) {
      pairs.push(NONE);
    } else {
      pairs.push(place);
      next = place + 1;
    }
  }
  return pairs;
}

/** The rest of a container with a count in its header, and that header. */
function withHead(walk: Walker, halt: Halt, sequence: Sequence): number {
  const { node, mark } = halt;
  const { out } = walk.encoder;
  const base = walk.frames.base();
  const countBefore = node.ends.length;
  const grown = resequence(walk, sequence, halt);
  const { count } = sequence;
  if (count === countBefore) return grown;
  const outAt = out.at;
  if (node.kind === Kind.array) writeArrayHeader(out, count);
  else writeMapHeader(out, count);
  walk.edits.insert(mark, { oldAt: base, oldSize: node.head, outAt, outSize: out.at - outAt });
  return grown + moveHead(node, countHeaderSize(count));
}

/** The values begin `size` bytes behind the start now; gives by how much that is later. */
export function moveHead(node: Node, size: number): number {
  const moved = size - node.head;
  node.head = size;
  if (moved !== 0) node.ends.forEach((end, i) => (node.ends[i] = end + moved));
  return moved;
}
