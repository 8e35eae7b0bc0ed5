import { KeepstateError } from "../errors.js";
import { compileBuilder } from "./builders.js";
import { Chunks } from "./chunks.js";
import { restoreError, restoreExt, restoreRegExp } from "./restore.js";
import { EXT } from "./scalars.js";
import type { TapeReader } from "../native/tape.js";
import { Tag, Tape, type TapeMixed, type TapeShape } from "./tape.js";

const CONSTANTS: readonly unknown[] = [null, false, true, undefined];
const HOLE = 4;
// A builder pays for itself after some objects.
const COMPILED_AFTER = 8;

// A float64 is two words of the tape.
const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/**
 * Builds values from encoded bytes: one native pass makes a tape of tokens, which is followed here.
 */
export class Decoder {
  readonly #tape: Tape;
  readonly #ascii = new Chunks("latin1");
  readonly #latin = new Chunks("latin1");
  readonly #wide = new Chunks("utf16le");
  #words: Int32Array = new Int32Array(0);
  #at = 0;
  #input: Buffer = Buffer.alloc(0);
  #pool: string[] = [];
  #latinAt = 0;
  #wideAt = 0;
  readonly #next = (): unknown => this.#value();

  constructor(reader: TapeReader) {
    this.#tape = new Tape(reader);
  }

  /** The value that `bytes` encode; damage is CORRUPT, with the offset. */
  decode(bytes: Uint8Array): unknown {
    const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      this.#begin(input);
      return this.#value();
    } finally {
      this.#end();
    }
  }

  #begin(input: Buffer): void {
    const tape = this.#tape;
    tape.read(input);
    this.#input = input;
    this.#words = tape.words;
    this.#at = tape.start;
    this.#latinAt = this.#wideAt = 0;
    this.#ascii.begin(input);
    this.#latin.begin(bufferOf(tape.latin));
    this.#wide.begin(bufferOf(tape.wide));
  }

  #end(): void {
    this.#tape.clear();
    this.#pool = [];
    this.#input = Buffer.alloc(0);
    this.#words = new Int32Array(0);
    for (const chunks of [this.#ascii, this.#latin, this.#wide]) chunks.end();
  }

  #word(): number {
    return this.#words[this.#at++] as number;
  }

  #value(): unknown {
    const word = this.#word();
    const payload = word >> 4;
    switch (word & 15) {
      case Tag.constant:
        return CONSTANTS[payload];
      case Tag.int:
        return payload;
      case Tag.define:
        return this.#define(payload);
      case Tag.double:
        return this.#double();
      case Tag.pool:
        return this.#pool[payload];
      case Tag.ascii:
        return this.#asciiText(this.#size(payload));
      case Tag.latin:
        return this.#latinText(this.#size(payload));
      case Tag.wide:
        return this.#wideText(this.#size(payload));
      case Tag.array:
        return this.#array(this.#size(payload));
      case Tag.object:
        return payload < 0
          ? this.#mixed(this.#tape.mixed[-1 - payload] as TapeMixed)
          : this.#object(this.#tape.shapes[payload] as TapeShape);
      case Tag.bytes:
        return this.#bytes(this.#size(payload));
      default:
        return this.#rich(word & 15, payload);
    }
  }

  #rich(tag: number, payload: number): unknown {
    switch (tag) {
      case Tag.date:
        return new Date(this.#double());
      case Tag.ext:
        return restoreExt(payload, this.#bytes(this.#word()));
      case Tag.map:
        return this.#map(new Map(), this.#size(payload));
      case Tag.set:
        return this.#set(this.#size(payload));
      case Tag.inside:
        return this.#inside(payload);
      default:
        throw new KeepstateError("INTERNAL", `The tape has a token of kind ${tag}; report it.`);
    }
  }

  #size(payload: number): number {
    return payload < 0 ? this.#word() : payload;
  }

  #double(): number {
    halves[0] = this.#word();
    halves[1] = this.#word();
    return double[0] as number;
  }

  #define(payload: number): string {
    const text = this.#asciiText(payload);
    this.#pool.push(text);
    return text;
  }

  #asciiText(length: number): string {
    return this.#ascii.take(this.#word(), length);
  }

  #latinText(length: number): string {
    const from = this.#latinAt;
    this.#latinAt += length;
    return this.#latin.take(from, length);
  }

  #wideText(length: number): string {
    const from = this.#wideAt;
    this.#wideAt += length;
    return this.#wide.take(from, length);
  }

  #bytes(length: number): Uint8Array {
    const from = this.#word();
    return new Uint8Array(this.#input.subarray(from, from + length));
  }

  #array(count: number): unknown[] {
    const array: unknown[] = [];
    for (let i = 0; i < count; i++) {
      if (this.#words[this.#at] === HOLE << 4) {
        this.#at++;
        array.length = i + 1;
      } else {
        array.push(this.#value());
      }
    }
    return array;
  }

  #object(shape: TapeShape): Record<string, unknown> {
    if (shape.build) return shape.build(this.#next);
    const { keys } = shape;
    const object: Record<string, unknown> = {};
    if (shape.isUnusual) return this.#unusual(object, keys);
    if (++shape.built === COMPILED_AFTER) shape.build = compileBuilder(keys);
    for (let i = 0; i < keys.length; i++) object[keys[i] as string] = this.#value();
    return object;
  }

  #unusual(object: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
    for (const key of keys) {
      const value = this.#value();
      const property = { value, writable: true, enumerable: true, configurable: true };
      Object.defineProperty(object, key, property);
    }
    return object;
  }

  /** Another language's map, whose keys are not all text, is a Map. */
  #mixed({ shape, count }: TapeMixed): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    for (const key of shape.keys) map.set(key, this.#value());
    return this.#map(map, count - shape.keys.length);
  }

  #map(map: Map<unknown, unknown>, count: number): Map<unknown, unknown> {
    for (let i = 0; i < count; i++) {
      const key = this.#value();
      map.set(key, this.#value());
    }
    return map;
  }

  #set(count: number): Set<unknown> {
    const set = new Set<unknown>();
    for (let i = 0; i < count; i++) set.add(this.#value());
    return set;
  }

  #inside(type: number): unknown {
    const content = this.#value();
    return type === EXT.regexp ? restoreRegExp(content) : restoreError(content);
  }
}

function bufferOf(view: Uint8Array | Uint16Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
