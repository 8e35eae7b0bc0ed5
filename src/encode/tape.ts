import { KeepstateError, codeOf } from "../errors.js";
import type { TapeReader } from "../native/tape.js";
import { type Build, knownBuilder } from "./builders.js";

/** The tags of the tape's tokens; native/core/src/msgpack/tape.rs has the same list. */
export const Tag = {
  constant: 0,
  int: 1,
  define: 2,
  double: 3,
  pool: 4,
  ascii: 5,
  latin: 6,
  wide: 7,
  array: 8,
  object: 9,
  bytes: 10,
  date: 11,
  ext: 12,
  map: 13,
  set: 14,
  inside: 15,
} as const;

/** The keys of objects, in order. */
export interface TapeShape {
  readonly keys: readonly string[];
  /** Whether a plain assignment would do something else than set a property. */
  readonly isUnusual: boolean;
  /** How many objects were built by assignments. */
  built: number;
  /** What builds them faster. */
  build: Build | undefined;
}

/** Entries of which the first have text as keys, and the others anything. */
export interface TapeMixed {
  readonly shape: TapeShape;
  readonly count: number;
}

const HEADER = 4;
// Buffers larger than this are given back after the value that needed them.
const KEPT = 1 << 22;

/** One tape after the other, in the same buffers. */
export class Tape {
  words: Int32Array = new Int32Array(1 << 12);
  latin: Uint8Array = new Uint8Array(1 << 10);
  wide: Uint16Array = new Uint16Array(1 << 10);
  shapes: TapeShape[] = [];
  mixed: TapeMixed[] = [];
  readonly #reader: TapeReader;

  constructor(reader: TapeReader) {
    this.#reader = reader;
  }

  /** Where the tokens begin. */
  get start(): number {
    return HEADER;
  }

  read(bytes: Buffer): void {
    const sizes = this.#reader.read(bytes);
    if ("code" in sizes) {
      throw new KeepstateError(codeOf(sizes.code), sizes.message, { offset: sizes.offset });
    }
    if (sizes.words > this.words.length) this.words = new Int32Array(sizes.words * 2);
    if (sizes.latin > this.latin.length) this.latin = new Uint8Array(sizes.latin * 2);
    if (sizes.wide > this.wide.length) this.wide = new Uint16Array(sizes.wide * 2);
    this.#reader.copy(this.words, this.latin, this.wide);
    this.#readTables(bytes);
  }

  clear(): void {
    this.shapes = [];
    this.mixed = [];
    if (this.words.length > KEPT) this.words = new Int32Array(1 << 12);
    if (this.latin.length > KEPT) this.latin = new Uint8Array(1 << 10);
    if (this.wide.length > KEPT) this.wide = new Uint16Array(1 << 10);
  }

  #readTables(bytes: Buffer): void {
    const { words } = this;
    const word = (at: number): number => words[at] as number;
    let at = word(0);
    const keys: string[] = [];
    for (let i = 0; i < word(1); i++, at += 3) {
      const format = (["latin1", "utf8", "utf16le"] as const)[word(at + 2)];
      keys.push(bytes.toString(format, word(at), word(at) + word(at + 1)));
    }
    for (let i = 0; i < word(2); i++) {
      const end = at + 1 + word(at);
      const own: string[] = [];
      for (at++; at < end; at++) own.push(keys[word(at)] as string);
      const isUnusual = own.includes("__proto__");
      this.shapes.push({ keys: own, isUnusual, built: 0, build: knownBuilder(own) });
    }
    for (let i = 0; i < word(3); i++, at += 2) {
      this.mixed.push({ shape: this.shapes[word(at)] as TapeShape, count: word(at + 1) });
    }
  }
}
