import { Output } from "./output.js";
import { writeString } from "./scalars.js";

// An object with more keys is a dictionary: sharing its shape would only fill the table.
const SHARED_KEYS = 64;
// The table starts again when it holds this many steps; nodes keep the shapes that they use.
const TABLE_STEPS = 1 << 14;

// Of a number.
const BITS = 31;
// Where keys are encoded: to make a buffer for each shape took most of the time.
const scratch = new Output(Number.MAX_SAFE_INTEGER, 1024);

/**
 * A list of keys in order, with their encoded bytes, and for each key the shape that its value had
 * last (of the elements, when the value is an array): the guess for the next object of this shape.
 */
export class Shape {
  readonly keys: readonly string[];
  /** All keys encoded, one after the other. */
  readonly bytes: Uint8Array;
  /** Where key i begins in `bytes`; one more entry than keys. */
  readonly starts: readonly number[];
  readonly guesses: Shape[];
  /**
   * The keys, as bits, under which a tape may hold a container of such an object. All, where there
   * are more keys than bits.
   */
  nests: number;
  /** Whether an object of this shape may have a method `toJSON` of its own. */
  readonly mayConvert: boolean;

  constructor(keys: readonly string[]) {
    const starts = [0];
    scratch.reset();
    for (const key of keys) {
      writeString(scratch, key);
      starts.push(scratch.at);
    }
    this.keys = keys;
    this.bytes = scratch.copy(0);
    this.starts = starts;
    this.guesses = keys.map(() => NO_KEYS);
    this.nests = keys.length > BITS ? -1 : 0;
    this.mayConvert = keys.includes("toJSON");
  }

  /** The encoded size of key i. */
  keySize(i: number): number {
    return (this.starts[i + 1] as number) - (this.starts[i] as number);
  }
}

/** The shape of `{}`, and the guess where nothing is known. */
export const NO_KEYS: Shape = new Shape([]);

/** A key after other keys; the last way taken is remembered outside of the map. */
class Step {
  shape: Shape | undefined;
  #key = "";
  #next: Step | undefined;
  #more: Map<string, Step> | undefined;

  next(key: string): Step | undefined {
    if (this.#next !== undefined && this.#key === key) return this.#next;
    const found = this.#more?.get(key);
    if (found !== undefined) this.#remember(key, found);
    return found;
  }

  add(key: string): Step {
    const step = new Step();
    this.#more ??= new Map();
    this.#more.set(key, step);
    this.#remember(key, step);
    return step;
  }

  #remember(key: string, step: Step): void {
    this.#key = key;
    this.#next = step;
  }
}

/** All shapes met so far, each once. */
export class ShapeTable {
  #root = new Step();
  #steps = 0;

  of(keys: readonly string[]): Shape {
    if (keys.length === 0) return NO_KEYS;
    if (keys.length > SHARED_KEYS) return new Shape(keys);
    let step = this.#root;
    for (const key of keys) step = step.next(key) ?? this.#add(step, key);
    step.shape ??= new Shape(keys);
    return step.shape;
  }

  #add(step: Step, key: string): Step {
    if (++this.#steps > TABLE_STEPS) {
      this.#root = new Step();
      this.#steps = 0;
    }
    return step.add(key);
  }
}
