import { types } from "node:util";
import { classify, describe, type Converted } from "./classify.js";
import { Kind } from "./node.js";
import type { Output } from "./output.js";
import type { Recorder } from "./recorder.js";
import { unsupported } from "./refusal.js";
import * as scalars from "./scalars.js";
import { EXT } from "./scalars.js";
import type { UnknownType } from "./unknown-type.js";
import { NO_KEYS, type Shape, type ShapeTable } from "./shape.js";
import type { Content, Types } from "./types.js";

/** The kinds of typed arrays and buffers, by the subtype byte of their ext. */
export const TYPED: readonly string[] = [
  "Int8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
  "ArrayBuffer",
  "DataView",
];

/** An array of at least this many numbers, and nothing else, is recorded as numbers. */
export const NUMBERS = 64;

export function isNumbers(array: readonly unknown[]): array is readonly number[] {
  for (let i = 0; i < array.length; i++) if (typeof array[i] !== "number") return false;
  return true;
}

/** An array may have this many holes; beyond, at least a quarter of its slots must be filled. */
const SPARSE = 1 << 16;

/** Whether an array of which `seen` slots were seen has too many holes to be saved. */
export function isSparse(holes: number, seen: number): boolean {
  return holes > SPARSE && holes * 4 > seen * 3;
}

/** The part of the encoder that rich types need. */
export interface RichWriter {
  readonly out: Output;
  readonly recorder: Recorder | undefined;
  readonly shapes: ShapeTable;
  readonly types: Types;
  value(value: unknown, guess: Shape): Shape;
  entry(shape: Shape, i: number, value: unknown): void;
  own(object: Record<string, unknown>): void;
}

/** Writes an object that is neither plain nor an array. */
export function writeRich(writer: RichWriter, value: object): void {
  const { out, recorder, types: named } = writer;
  const content = named.size > 0 ? named.content(value) : undefined;
  if (content !== undefined) return writeNamed(writer, value, content);
  switch (classify(value)) {
    case "date": {
      const time = Date.prototype.getTime.call(value);
      scalars.writeTimestamp(out, time);
      return recorder?.pushLeaf(Kind.date, value, [time]);
    }
    case "bytes":
      scalars.writeBytes(out, value as Uint8Array);
      return recorder?.pushLeaf(Kind.bytes, value, Uint8Array.from(value as Uint8Array));
    case "typed":
      return writeLeaf(writer, value, () => writeTyped(out, value as ArrayBuffer));
    case "map":
      return writeMap(writer, value as Map<unknown, unknown>);
    case "set":
      return writeSet(writer, value as Set<unknown>);
    case "converted":
      return writeConverted(writer, value as Converted);
    case "instance":
      return writer.own(value as Record<string, unknown>);
    case "unknown":
      return writeNamed(writer, value, value as UnknownType);
    case "regexp":
      return writeLeaf(writer, value, () => writeRegExp(writer, value as RegExp));
    case "error":
      return writeLeaf(writer, value, () => writeError(writer, value as Error));
    case "boxed":
      return writeLeaf(writer, value, () => writeBoxed(writer, value));
    default:
      throw unsupported(describe(value));
  }
}

/** Writes what an object's toJSON gives. As in JSON, that is not asked for its toJSON again. */
export function writeConverted(writer: RichWriter, value: Converted): void {
  const start = writer.out.at;
  writer.recorder?.open(value);
  const result = value.toJSON("");
  if (isConverted(writer, result)) {
    writer.own(result as Record<string, unknown>);
  } else {
    writer.value(result, NO_KEYS);
  }
  writer.recorder?.mark(writer.out.at);
  writer.recorder?.closeNode(Kind.converted, NO_KEYS, start);
}

/** Whether a result of toJSON has a toJSON of its own, and nothing else that says what it is. */
export function isConverted({ types }: { readonly types: Types }, result: unknown): boolean {
  if (typeof result !== "object" || result === null || types.claims(result)) return false;
  return classify(result) === "converted";
}

/** Writes what a value's type made of it. */
function writeNamed(writer: RichWriter, value: object, { name, data }: Content): void {
  const { out, recorder } = writer;
  const shape = writer.shapes.of([name]);
  const start = out.at;
  recorder?.open(value);
  beginExt(writer);
  writer.entry(shape, 0, data);
  const head = endExt(writer, EXT.named, start);
  const node = recorder?.closeNode(Kind.named, shape, start);
  if (node !== undefined) node.head = head;
}

/** The entries of a Map or the values of a Set, flat: what is read may change the table. */
export function contents(value: Map<unknown, unknown> | Set<unknown>): unknown[] {
  const flat: unknown[] = [];
  if (types.isMap(value)) {
    for (const [key, item] of Map.prototype.entries.call(value)) flat.push(key, item);
  } else {
    for (const item of Set.prototype.values.call(value)) flat.push(item);
  }
  return flat;
}

function writeMap(writer: RichWriter, map: Map<unknown, unknown>): void {
  const flat = contents(map);
  writer.recorder?.open(map);
  const start = writer.out.at;
  beginExt(writer);
  scalars.writeMapHeader(writer.out, flat.length / 2);
  writeValues(writer, flat, 2);
  const head = endExt(writer, EXT.map, start);
  const node = writer.recorder?.closeNode(Kind.map, NO_KEYS, start);
  if (node !== undefined) node.head = head + scalars.countHeaderSize(flat.length / 2);
}

function writeSet(writer: RichWriter, set: Set<unknown>): void {
  const flat = contents(set);
  writer.recorder?.open(set);
  const start = writer.out.at;
  beginExt(writer);
  scalars.writeArrayHeader(writer.out, flat.length);
  writeValues(writer, flat, 1);
  const head = endExt(writer, EXT.set, start);
  const node = writer.recorder?.closeNode(Kind.set, NO_KEYS, start);
  if (node !== undefined) node.head = head + scalars.countHeaderSize(flat.length);
}

/** Writes values in turn; every `step`-th is guessed to have the shape of the one before. */
function writeValues(writer: RichWriter, values: readonly unknown[], step: number): void {
  const guesses = [NO_KEYS, NO_KEYS];
  for (let i = 0; i < values.length; i++) {
    guesses[i % step] = writer.value(values[i], guesses[i % step] as Shape);
    writer.recorder?.mark(writer.out.at);
  }
}

/** Leaves room for the smallest header of an ext; its size is known at the end. */
function beginExt({ out }: RichWriter): void {
  out.reserve(2);
  out.at += 2;
}

/** Writes the header of the ext that began at `start`; gives the header's size. */
function endExt({ out, recorder }: RichWriter, type: number, start: number): number {
  const size = out.at - start - 2;
  const moved = scalars.extHeaderSize(size) - 2;
  if (moved > 0) {
    out.shift(start + 2, moved);
    recorder?.move(moved);
  }
  const end = out.at;
  out.at = start;
  scalars.writeExtHeader(out, type, size);
  out.at = end;
  return 2 + moved;
}

/** Writes an ext with one value inside. */
function writeInside(writer: RichWriter, type: number, value: unknown): void {
  const start = writer.out.at;
  beginExt(writer);
  writer.value(value, NO_KEYS);
  endExt(writer, type, start);
}

/** Writes a value that is compared by being encoded again; what lies inside is not recorded. */
function writeLeaf(writer: RichWriter, value: object, write: () => void): void {
  const { out, recorder } = writer;
  const start = out.at;
  recorder?.open(value);
  write();
  recorder?.drop();
  recorder?.pushLeaf(Kind.leaf, value, out.copy(start));
}

function writeTyped(out: Output, value: ArrayBuffer | ArrayBufferView): void {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  const subtype = TYPED.indexOf(typeName(value));
  if (subtype < 0) throw unsupported(describe(value));
  scalars.writeExtHeader(out, EXT.typed, bytes.length + 1);
  out.reserve(1);
  out.bytes[out.at++] = subtype;
  scalars.writeRaw(out, bytes);
}

const typedTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as () => string | undefined;

/** By internal slot, so that neither another realm nor a subclass misleads. */
function typeName(value: ArrayBuffer | ArrayBufferView): string {
  if (types.isDataView(value)) return "DataView";
  return typedTag.call(value) ?? "ArrayBuffer";
}

function writeRegExp(writer: RichWriter, value: RegExp): void {
  const parts: unknown[] = [value.source, value.flags];
  if (value.lastIndex !== 0) parts.push(value.lastIndex);
  writeInside(writer, EXT.regexp, parts);
}

/** An Error is what it says (name, message, stack, cause, errors) and its own properties. */
function writeError(writer: RichWriter, error: Error): void {
  const { name, message, stack } = error;
  const parts: Record<string, unknown> = { name, message };
  if (typeof stack === "string") parts["stack"] = stack;
  if (Object.hasOwn(error, "cause")) parts["cause"] = error.cause;
  if (Array.isArray((error as AggregateError).errors)) {
    parts["errors"] = (error as AggregateError).errors;
  }
  const own = Object.entries(error).filter(([key]) => !Object.hasOwn(parts, key));
  if (own.length > 0) parts["properties"] = Object.fromEntries(own);
  writeInside(writer, EXT.error, parts);
}

/** A boxed primitive is saved as the primitive, as JSON does. */
function writeBoxed(writer: RichWriter, value: object): void {
  const primitive: unknown = value.valueOf();
  writer.value(primitive, NO_KEYS);
}
