import type { NativeState, TapeReader } from "../native/tape.js";
import { value } from "../native/record.js";
import { compileBuilder } from "./builders.js";
import { restoreError, restoreExt, restoreRegExp } from "./restore.js";
import { errorAt } from "./locate.js";
import { Refusal } from "./refusal.js";
import { asName, FIXED, fixedValues, HEADER, HOLE, Kind, Rare, sizeOf } from "./tape.js";
import { shapeOf, type TapeShape } from "./tape.js";
import { pointerOf } from "./tape-path.js";
import { NO_TYPES, type Types } from "./types.js";

type Part = string | Uint8Array;

// A builder pays for itself after some objects.
const COMPILED_AFTER = 8;
// Buffers larger than this are given back after the value that needed them.
const KEPT = 1 << 21;

// A float64 is two words of the tape.
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/**
 * Builds values from encoded bytes. One native pass makes a tape of them, on which every value has
 * a number; here they are made in the order of these numbers, each kind in a loop of its own, so
 * that what runs is little code that is soon hot. A container names what is inside by number.
 */
export class Decoder {
  readonly #reader: TapeReader;
  #words = new Int32Array(1 << 12);
  #doubles = new Float64Array(this.#words.buffer);
  #values = fixedValues();
  /** How many values there are, and where the tape is read. */
  #count = FIXED;
  #at = HEADER;
  /** Where it ends. */
  #end = HEADER;
  #parts: readonly Part[] = [];
  #part = 0;
  // The native side tells these once, and counts on them.
  #keys: string[] = [];
  #shapes: TapeShape[] = [];
  #types = NO_TYPES;

  constructor(reader: TapeReader) {
    this.#reader = reader;
  }

  /** The value that `state` encodes; damage is CORRUPT, with the offset. */
  decode(state: Uint8Array | NativeState, types: Types = NO_TYPES): unknown {
    try {
      this.#types = types;
      this.#take(state);
      this.#fill();
      const words = this.#words;
      if (words[9] === 1) this.#forgetShapes();
      return this.#values[words[0] as number];
    } catch (error) {
      this.#reader.forget();
      this.#forgetShapes();
      this.#values = fixedValues();
      throw error;
    } finally {
      this.#clear();
    }
  }

  #take(state: Uint8Array | NativeState): void {
    const length = value(this.#reader.read(state));
    if (length > this.#words.length) {
      this.#words = new Int32Array(length + (length >> 1));
      this.#doubles = new Float64Array(this.#words.buffer, 0, this.#words.length >> 1);
    }
    this.#parts = value(this.#reader.take(state, this.#words));
  }

  #forgetShapes(): void {
    this.#keys = [];
    this.#shapes = [];
  }

  /** Keeps nothing alive. */
  #clear(): void {
    if (this.#count > KEPT) this.#values = fixedValues();
    else this.#values.fill(0, FIXED, this.#count);
    if (this.#words.length > KEPT) {
      this.#words = new Int32Array(1 << 12);
      this.#doubles = new Float64Array(this.#words.buffer);
    }
    this.#parts = [];
    this.#types = NO_TYPES;
    this.#count = FIXED;
  }

  #fill(): void {
    const [, doubles, bulk, ints, chunks, keys, shapes, rares, containers] = this.#words;
    this.#part = 0;
    this.#at = HEADER;
    this.#fillDoubles(doubles as number);
    const bulkAt = this.#at >> 1;
    this.#at += 2 * (bulk as number);
    this.#fillInts(ints as number);
    this.#fillTexts(chunks as number);
    this.#learn(keys as number, shapes as number);
    for (let i = 0; i < (rares as number); i++) this.#values[this.#count++] = this.#rare();
    this.#end = this.#at + (containers as number);
    this.#fillContainers(bulkAt);
  }

  #fillDoubles(count: number): void {
    const values = this.#values;
    const doubles = this.#doubles;
    const from = this.#at >> 1;
    let next = this.#count;
    for (let i = from; i < from + count; i++) values[next++] = doubles[i];
    this.#count = next;
    this.#at += 2 * count;
  }

  #fillInts(count: number): void {
    const values = this.#values;
    const words = this.#words;
    const end = this.#at + count;
    let next = this.#count;
    for (let at = this.#at; at < end; at++) values[next++] = words[at];
    this.#count = next;
    this.#at = end;
  }

  /** One slice of a large string costs next to nothing; a call that decodes bytes costs much. */
  #fillTexts(chunks: number): void {
    const values = this.#values;
    const words = this.#words;
    const first = this.#at;
    let at = first + chunks;
    let next = this.#count;
    for (let i = 0; i < chunks; i++) {
      const text = this.#parts[i] as string;
      const end = next + (words[first + i] as number);
      for (; next < end; at += 2) {
        values[next++] = text.substring(words[at] as number, words[at + 1]);
      }
    }
    this.#count = next;
    this.#at = at;
    this.#part = chunks;
  }

  #learn(keys: number, shapes: number): void {
    const words = this.#words;
    for (let i = 0; i < keys; i++) this.#keys.push(asName(this.#parts[this.#part++] as string));
    for (let i = 0; i < shapes; i++) {
      const from = this.#at + 1;
      this.#at = from + (words[this.#at] as number);
      const own: string[] = [];
      for (let at = from; at < this.#at; at++) own.push(this.#keys[words[at] as number] as string);
      this.#shapes.push(shapeOf(own));
    }
  }

  #rare(): unknown {
    const words = this.#words;
    switch (words[this.#at++]) {
      case Rare.date:
        halves[0] = words[this.#at++] as number;
        halves[1] = words[this.#at++] as number;
        return new Date(double[0] as number);
      case Rare.bytes:
        return this.#parts[this.#part++];
      case Rare.ext:
        return restoreExt(words[this.#at++] as number, this.#parts[this.#part++] as Uint8Array);
      default:
        return this.#keys[words[this.#at++] as number];
    }
  }

  /** Most objects go through here only, so what it needs is at hand. */
  #fillContainers(bulkAt: number): void {
    const values = this.#values;
    const words = this.#words;
    const shapes = this.#shapes;
    const end = this.#end;
    let next = this.#count;
    let at = this.#at;
    while (at < end) {
      const kind = words[at] as number;
      if (kind < 0) {
        values[next++] = this.#container(at, bulkAt);
        at += sizeOf(kind, words[at + 1] as number);
      } else {
        const shape = shapes[kind] as TapeShape;
        const { build } = shape;
        values[next++] = build === undefined ? this.#assigned(shape, at) : build(words, at, values);
        at += shape.words;
      }
    }
    this.#count = next;
  }

  #assigned(shape: TapeShape, at: number): Record<string, unknown> {
    const { keys } = shape;
    const values = this.#values;
    const words = this.#words;
    if (shape.isUnusual) return this.#unusual(keys, at);
    if (++shape.built === COMPILED_AFTER) shape.build = compileBuilder(keys);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) {
      object[keys[i] as string] = values[words[at + 1 + i] as number];
    }
    return object;
  }

  #unusual(keys: readonly string[], at: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const [i, key] of keys.entries()) {
      const of = this.#values[this.#words[at + 1 + i] as number];
      const property = { value: of, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(object, key, property);
    }
    return object;
  }

  #container(at: number, bulkAt: number): unknown {
    const words = this.#words;
    const kind = words[at] as number;
    const count = words[at + 1] as number;
    const from = at + 2;
    switch (kind) {
      case Kind.array:
        return this.#array(from, from + count);
      case Kind.map:
        return this.#map(from, from + count);
      case Kind.set:
        return this.#set(from, from + count);
      case Kind.numbers:
        return this.#numbers(bulkAt + (words[from] as number), count);
      case Kind.named:
        return this.#named(at);
      case Kind.regexp:
        return restoreRegExp(this.#values[count]);
      default:
        return restoreError(this.#values[count]);
    }
  }

  #array(from: number, end: number): unknown[] {
    const values = this.#values;
    const words = this.#words;
    const array: unknown[] = [];
    for (let at = from; at < end; at++) {
      const number = words[at] as number;
      if (number === HOLE) array.length = at - from + 1;
      else array.push(values[number]);
    }
    return array;
  }

  #numbers(from: number, count: number): number[] {
    const doubles = this.#doubles;
    const array: number[] = [];
    for (let i = from; i < from + count; i++) array.push(doubles[i] as number);
    return array;
  }

  #map(from: number, end: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    for (let at = from; at < end; at += 2) map.set(this.#item(at), this.#item(at + 1));
    return map;
  }

  #set(from: number, end: number): Set<unknown> {
    const set = new Set<unknown>();
    for (let at = from; at < end; at++) set.add(this.#item(at));
    return set;
  }

  #named(at: number): unknown {
    const name = this.#item(at + 1) as string;
    try {
      return this.#types.restore({ name, data: this.#item(at + 2) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const containers = { from: this.#at, end: this.#end, first: this.#count };
      const tape = { words: this.#words, values: this.#values, shapes: this.#shapes };
      throw errorAt(error, pointerOf({ ...tape, ...containers }, at));
    }
  }

  #item(at: number): unknown {
    return this.#values[this.#words[at] as number];
  }
}
