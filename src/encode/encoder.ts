import { isPlain, type Converted } from "./classify.js";
import { DEFAULT_LIMITS, MAX_DEPTH, type Limits } from "./limits.js";
import { Kind } from "./node.js";
import { Output } from "./output.js";
import type { Recorder } from "./recorder.js";
import { Refusal, unsupported } from "./refusal.js";
import { isNumbers, isSparse, NUMBERS, writeConverted, writeRich } from "./rich.js";
import type { RichWriter } from "./rich.js";
import * as scalars from "./scalars.js";
import { ShapeTable, type Shape } from "./shape.js";
import { NO_TYPES, type Types } from "./types.js";

type Dictionary = Record<string, unknown>;

/** How many levels lie between two looks for a cycle; a power of two. */
const CYCLE_CHECK = 64;

export interface EncoderOptions {
  readonly limits?: Partial<Limits> | undefined;
  /** Takes down what is written, for a shadow. */
  readonly recorder?: Recorder | undefined;
  /** Those of one's own. */
  readonly types?: Types | undefined;
}

/** What of an object is written already. */
interface Written {
  readonly start: number;
  readonly done: number;
}

/**
 * Writes values as MessagePack. The bytes are a pure function of the value: minimal headers, one
 * form for each type. Each property is read once.
 */
export class Encoder implements RichWriter {
  readonly out: Output;
  readonly shapes: ShapeTable = new ShapeTable();
  depth = 0;
  types: Types;
  readonly #limits: Limits;
  readonly recorder: Recorder | undefined;
  #containers = 0;
  /** The containers around the current one, by depth. */
  readonly #path: object[] = [];
  /** Whether `for in` over a plain object shows more than its own keys. */
  polluted = false;

  constructor(options: EncoderOptions = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.recorder = options.recorder;
    this.types = options.types ?? NO_TYPES;
    this.out = new Output(this.#limits.bytes);
  }

  /** Before each save. */
  begin(): void {
    this.out.reset();
    this.depth = 0;
    this.#containers = 0;
    this.polluted = false;
    for (const _ in Object.prototype) this.polluted = true;
  }

  /** After each save, successful or not: keeps nothing of the user's alive. */
  end(): void {
    this.#path.length = 0;
    this.recorder?.clear();
  }

  /** Writes one value. Given the guess for its shape, gives the guess for the next one. */
  value(value: unknown, guess: Shape): Shape {
    switch (typeof value) {
      case "string":
        scalars.writeString(this.out, value);
        break;
      case "number":
        scalars.writeNumber(this.out, value);
        break;
      case "boolean":
        scalars.writeBoolean(this.out, value);
        break;
      case "undefined":
        scalars.writeUndefined(this.out);
        break;
      case "bigint":
        scalars.writeBigInt(this.out, value);
        break;
      case "object":
        if (value !== null) return this.#container(value, guess);
        scalars.writeNil(this.out);
        break;
      default:
        throw unsupported(`A ${typeof value}`);
    }
    this.recorder?.push(value);
    return guess;
  }

  #container(value: object, guess: Shape): Shape {
    this.#enter(value);
    let next = guess;
    if (Array.isArray(value)) next = this.#array(value, guess);
    else if (isPlain(value)) next = this.#object(value as Dictionary, guess);
    else writeRich(this, value);
    this.depth--;
    return next;
  }

  #enter(value: object): void {
    const depth = ++this.depth;
    if (depth > MAX_DEPTH) {
      throw new Refusal("TOO_DEEP", `The state is nested more than ${MAX_DEPTH} levels deep.`);
    }
    if ((depth & (CYCLE_CHECK - 1)) === 0) this.#refuseCycle(value, depth);
    this.#path[depth] = value;
    if (++this.#containers > this.#limits.containers) {
      throw new Refusal(
        "OUT_OF_MEMORY",
        `The state has more than ${this.#limits.containers} objects. ` +
          "Look for an object that is referred to many times, or raise limits.containers.",
      );
    }
  }

  #refuseCycle(value: object, depth: number): void {
    const met = this.#path.indexOf(value);
    if (met < 0 || met >= depth) return;
    throw new Refusal("CYCLE", "The state refers to itself. Save an id instead of the object.");
  }

  #array(array: readonly unknown[], guess: Shape): Shape {
    const { out } = this;
    const { length } = array;
    const start = out.at;
    if (length >= NUMBERS && isNumbers(array)) {
      this.#numbers(array);
      return guess;
    }
    this.recorder?.open(array);
    scalars.writeArrayHeader(out, length);
    let next = guess;
    let holes = 0;
    for (let i = 0; i < length; i++) {
      const value = array[i];
      if (value !== undefined || i in array) next = this.value(value, next);
      else this.hole(isSparse(++holes, i));
      this.recorder?.mark(out.at);
    }
    this.recorder?.close(length, start, out.at);
    return next;
  }

  /** Writes a slot that an array does not have; one hole costs as much as a short string. */
  hole(isOneTooMany: boolean): void {
    if (isOneTooMany) throw unsupported("An array that is mostly holes");
    scalars.writeHole(this.out);
    this.recorder?.pushHole();
  }

  #numbers(array: readonly number[]): void {
    scalars.writeArrayHeader(this.out, array.length);
    for (const value of array) scalars.writeNumber(this.out, value);
    this.recorder?.pushLeaf(Kind.numbers, array, Float64Array.from(array));
  }

  #object(object: Dictionary, guess: Shape): Shape {
    const { out } = this;
    const { keys } = guess;
    const start = out.at;
    this.recorder?.open(object);
    scalars.writeMapHeader(out, keys.length);
    let shape: Shape | undefined = guess;
    let done = 0;
    if (guess.mayConvert || this.polluted) {
      shape = this.#entries(object, guess, { start, done });
    } else {
      let matches = true;
      for (const key in object) {
        if (done === keys.length || keys[done] !== key) {
          matches = false;
          break;
        }
        this.entry(guess, done++, object[key]);
      }
      if (!matches || done < keys.length) shape = this.#entries(object, guess, { start, done });
    }
    if (shape === undefined) return guess;
    this.recorder?.close(shape, start, out.at);
    return shape;
  }

  /**
   * The rest of an object whose keys were not as guessed; `done` entries were. Gives its shape, or
   * nothing when its own toJSON gave something else.
   */
  #entries(object: Dictionary, guess: Shape, from: Written): Shape | undefined {
    const { out } = this;
    const keys = Object.keys(object);
    const shape = this.shapes.of(keys);
    let { done } = from;
    if (shape.mayConvert && typeof object["toJSON"] === "function") {
      out.at = from.start;
      this.recorder?.drop();
      writeConverted(this, object as Dictionary & Converted);
      return undefined;
    }
    for (let i = 0; i < done; i++) {
      // The object changes while it is read (a getter, a Proxy): what was written is void.
      if (keys[i] !== guess.keys[i]) {
        out.at = from.start;
        this.recorder?.rewind();
        scalars.writeMapHeader(out, guess.keys.length);
        done = 0;
      }
    }
    this.#resizeHeader(from.start, guess.keys.length, keys.length);
    for (; done < keys.length; done++) this.entry(shape, done, object[keys[done] as string]);
    return shape;
  }

  #resizeHeader(start: number, before: number, now: number): void {
    const { out } = this;
    const old = scalars.countHeaderSize(before);
    const moved = scalars.countHeaderSize(now) - old;
    if (moved !== 0) {
      out.shift(start + old, moved);
      this.recorder?.move(moved);
    }
    const end = out.at;
    out.at = start;
    scalars.writeMapHeader(out, now);
    out.at = end;
  }

  /** Writes key i of a shape and its value. */
  entry(shape: Shape, i: number, value: unknown): void {
    const { out } = this;
    this.key(shape, i);
    const guess = shape.guesses[i] as Shape;
    const next = this.value(value, guess);
    if (next !== guess) shape.guesses[i] = next;
    this.recorder?.mark(out.at);
  }

  /** Writes key i of a shape. */
  key(shape: Shape, i: number): void {
    const { out } = this;
    const from = shape.bytes;
    const end = shape.starts[i + 1] as number;
    let next = shape.starts[i] as number;
    out.reserve(end - next);
    const to = out.bytes;
    let at = out.at;
    while (next < end) to[at++] = from[next++] as number;
    out.at = at;
  }

  /** Writes an object by its own enumerable properties, whatever its class. */
  own(object: Dictionary): void {
    const start = this.out.at;
    this.recorder?.open(object);
    scalars.writeMapHeader(this.out, 0);
    const keys = Object.keys(object);
    const shape = this.shapes.of(keys);
    this.#resizeHeader(start, 0, keys.length);
    for (let i = 0; i < keys.length; i++) this.entry(shape, i, object[keys[i] as string]);
    this.recorder?.closeNode(Kind.instance, shape, start);
  }
}
