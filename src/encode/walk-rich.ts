import type { Converted } from "./classify.js";
import { Kind, Node } from "./node.js";
import { moveHead, pairByKey, resequence } from "./resequence.js";
import { contents, isConverted, isNumbers, NUMBERS } from "./rich.js";
import * as scalars from "./scalars.js";
import { EXT } from "./scalars.js";
import { NO_KEYS } from "./shape.js";
import { REPLACED, type Walker } from "./walker.js";

/** Walks a Map (keys and values in turn) or a Set. */
export function walkTable(walk: Walker, node: Node, table: Map<unknown, unknown>): number {
  const { frames, edits } = walk;
  const flat = contents(table);
  const { mark } = edits;
  const countBefore = node.ends.length;
  frames.push(node);
  const base = frames.base();
  const isMap = node.kind === Kind.map;
  const same = countSame(node, flat, isMap ? 2 : 1);
  for (let i = 0; i < same; i++) walk.step(node, i, flat[i]);
  let grown: number;
  if (same === flat.length && same === countBefore) {
    grown = frames.pop();
  } else {
    const pairs = isMap ? pairEntries(node, flat, same) : pairByKey(valuesOf(node, 1), flat, same);
    const sequence = { count: flat.length, shape: NO_KEYS, pairs, value: (i: number) => flat[i] };
    grown = resequence(walk, sequence, { node, from: same, mark });
  }
  if (grown === 0 && flat.length === countBefore) return 0;
  return grown + writeHead(walk, node, { mark, base });
}

/** How many values stand where they stood; in a Map, the keys decide. */
function countSame(node: Node, flat: readonly unknown[], step: number): number {
  const before = valuesOf(node, step);
  let i = 0;
  while (i < before.length && i * step < flat.length && Object.is(before[i], flat[i * step])) i++;
  return i * step;
}

/** Every `step`-th value, nodes by their references. */
function valuesOf(node: Node, step: number): unknown[] {
  const values: unknown[] = [];
  const vals = node.vals as unknown[];
  for (let i = 0; i < vals.length; i += step) {
    const value = vals[i];
    values.push(value instanceof Node ? value.ref : value);
  }
  return values;
}

function pairEntries(node: Node, flat: readonly unknown[], from: number): number[] {
  const keys = flat.filter((_, i) => i % 2 === 0);
  return pairByKey(valuesOf(node, 2), keys, from / 2).flatMap((pair) =>
    pair < 0 ? [pair, pair] : [2 * pair, 2 * pair + 1],
  );
}

/** The header of a Map or Set holds its size in bytes, so that it is new with every change. */
function writeHead(walk: Walker, node: Node, at: { mark: number; base: number }): number {
  const { out } = walk.encoder;
  const isMap = node.kind === Kind.map;
  const count = isMap ? node.ends.length / 2 : node.ends.length;
  const content = (node.ends.at(-1) ?? node.head) - node.head;
  const outAt = out.at;
  const size = scalars.countHeaderSize(count) + content;
  scalars.writeExtHeader(out, isMap ? EXT.map : EXT.set, size);
  if (isMap) scalars.writeMapHeader(out, count);
  else scalars.writeArrayHeader(out, count);
  const outSize = out.at - outAt;
  walk.edits.insert(at.mark, { oldAt: at.base, oldSize: node.head, outAt, outSize });
  return moveHead(node, outSize);
}

/** Walks what an object's toJSON gives now. */
export function walkConverted(walk: Walker, node: Node): number {
  const object = node.ref as Partial<Converted>;
  if (typeof object.toJSON !== "function") return REPLACED;
  const result = object.toJSON("");
  if (isConverted(walk.encoder, result)) return REPLACED;
  walk.frames.push(node);
  walk.step(node, 0, result);
  return walk.frames.pop();
}

/** Walks what a value's type makes of it now. */
export function walkNamed(walk: Walker, node: Node): number {
  const { frames, edits, encoder } = walk;
  const { out } = encoder;
  const content = encoder.types.content(node.ref);
  if (content === undefined || content.name !== node.shape.keys[0]) return REPLACED;
  const { mark } = edits;
  frames.push(node);
  const base = frames.base();
  walk.step(node, 0, content.data);
  const grown = frames.pop();
  if (grown === 0) return 0;
  const outAt = out.at;
  scalars.writeExtHeader(out, EXT.named, (node.ends[0] as number) - node.head);
  const outSize = out.at - outAt;
  edits.insert(mark, { oldAt: base, oldSize: node.head, outAt, outSize });
  return grown + moveHead(node, outSize);
}

/** Walks an array of numbers: what differs lies between an equal start and an equal end. */
export function walkNumbers(walk: Walker, node: Node, array: readonly unknown[]): number {
  const before = node.vals as Float64Array;
  const { length } = array;
  const common = Math.min(before.length, length);
  let start = 0;
  while (start < common && isSameNumber(before[start] as number, array[start])) start++;
  if (start === length && start === before.length) return 0;
  if (length < NUMBERS || !isNumbers(array)) return REPLACED;
  let tail = 0;
  while (
    tail < common - start &&
    isSameNumber(before[before.length - 1 - tail] as number, array[length - 1 - tail])
  ) {
    tail++;
  }
  return editNumbers(walk, node, { array, start, tail });
}

function isSameNumber(before: number, value: unknown): boolean {
  return before === value ? before !== 0 || Object.is(before, value) : Object.is(before, value);
}

interface Changed {
  readonly array: readonly number[];
  readonly start: number;
  readonly tail: number;
}

function editNumbers(walk: Walker, node: Node, { array, start, tail }: Changed): number {
  const { edits, encoder, frames } = walk;
  const { out } = encoder;
  const before = node.vals as Float64Array;
  frames.push(node);
  const base = frames.base();
  frames.drop();
  const head = scalars.countHeaderSize(before.length);
  let grown = 0;
  if (before.length !== array.length) {
    const outAt = out.at;
    scalars.writeArrayHeader(out, array.length);
    edits.add({ oldAt: base, oldSize: head, outAt, outSize: out.at - outAt });
    grown = out.at - outAt - head;
  }
  const oldAt = base + head + sizeOf(before, 0, start);
  const oldSize = sizeOf(before, start, before.length - tail);
  const outAt = out.at;
  for (let i = start; i < array.length - tail; i++) scalars.writeNumber(out, array[i] as number);
  edits.add({ oldAt, oldSize, outAt, outSize: out.at - outAt });
  node.vals = Float64Array.from(array);
  return grown + out.at - outAt - oldSize;
}

function sizeOf(numbers: Float64Array, from: number, to: number): number {
  let size = 0;
  for (let i = from; i < to; i++) size += scalars.sizeOfNumber(numbers[i] as number);
  return size;
}

/** Compares what is not walked: 0 when it is as it was. */
export function walkLeaf(walk: Walker, node: Node, value: object): number {
  const before = node.vals as Uint8Array;
  let isEqual = false;
  if (node.kind === Kind.date) {
    isEqual = Object.is((node.vals as unknown[])[0], Date.prototype.getTime.call(value));
  } else if (node.kind === Kind.bytes) {
    const now = value as Uint8Array;
    isEqual = now.length === before.length && Buffer.compare(now, before) === 0;
  } else {
    const { out } = walk.encoder;
    const start = out.at;
    walk.encoder.depth--;
    walk.encode(value);
    walk.encoder.depth++;
    isEqual = Buffer.compare(out.bytes.subarray(start, out.at), before) === 0;
    out.at = start;
  }
  return isEqual ? 0 : REPLACED;
}
