import { KeepstateError, type Code } from "../errors.js";
import { classify, type Converted } from "./classify.js";
import { MAX_DEPTH } from "./limits.js";
import { Refusal } from "./refusal.js";
import { contents } from "./rich.js";
import { NO_TYPES, type Types } from "./types.js";

/** What lies in a value: the pointer's next token (none: the same place), and the child. */
type Child = readonly [token: string | undefined, value: unknown];

/** The part at fault: why, and where. */
export interface Culprit {
  readonly code: Code;
  readonly pointer: string;
  /** What its type said of it. */
  readonly refusal?: Refusal | undefined;
}

/** Which part of a value is at fault, if it is this one. */
export type Judge = (value: unknown, types: Types) => Code | undefined;

/** How a culprit is looked for. */
export interface Looking {
  readonly judge: Judge;
  /** Those of one's own. */
  readonly types?: Types | undefined;
}

/**
 * The error that the hot path's refusal means, with the JSON pointer, found by a second, slow walk.
 * `judge` tells whether a value, without what lies in it, is at fault.
 */
export function locate(refusal: Refusal, value: unknown, looking: Looking): KeepstateError {
  const { code } = refusal;
  const found =
    code === "OUT_OF_MEMORY"
      ? new Weight(looking.types ?? NO_TYPES).heaviest(value)
      : findCulprit(value, looking);
  const { message, cause } = found?.refusal ?? refusal;
  if (found === undefined) return new KeepstateError(code, message, { cause });
  const text = found.code === "CYCLE" ? CYCLE : message;
  return errorAt(new Refusal(found.code, text, cause), found.pointer);
}

/** The error that a refusal means, of the value at this place. */
export function errorAt({ code, message, cause }: Refusal, pointer: string): KeepstateError {
  const place = pointer === "" ? "in the state itself" : `at ${pointer}`;
  return new KeepstateError(code, `${message} It is ${place}.`, { pointer, cause });
}

/** The first part of a value that is at fault, or in a cycle, or too deep. */
export function findCulprit(value: unknown, looking: Looking): Culprit | undefined {
  return new Search(looking).from(value);
}

const CYCLE = "The state refers to itself. Save an id instead of the object.";

/** A depth-first search for the first part at fault, in the order of saving. */
class Search {
  readonly #judge: Judge;
  readonly #types: Types;
  readonly #around = new Set<object>();
  /** The greatest depth at which an object was found to be without fault. */
  readonly #cleared = new Map<object, number>();

  constructor({ judge, types = NO_TYPES }: Looking) {
    this.#judge = judge;
    this.#types = types;
  }

  from(value: unknown, pointer = ""): Culprit | undefined {
    try {
      return this.#look(value, pointer);
    } catch (refusal) {
      if (refusal instanceof Refusal) return { code: refusal.code, pointer, refusal };
      throw refusal;
    }
  }

  #look(value: unknown, pointer: string): Culprit | undefined {
    const code = this.#judge(value, this.#types);
    if (code !== undefined) return { code, pointer };
    if (typeof value !== "object" || value === null) return undefined;
    const depth = this.#around.size + 1;
    if (this.#around.has(value)) return { code: "CYCLE", pointer };
    if (depth > MAX_DEPTH) return { code: "TOO_DEEP", pointer };
    if ((this.#cleared.get(value) ?? 0) >= depth) return undefined;
    this.#around.add(value);
    for (const [token, child] of children(value, this.#types)) {
      const found = this.from(child, extend(pointer, token));
      if (found !== undefined) return found;
    }
    this.#around.delete(value);
    this.#cleared.set(value, depth);
    return undefined;
  }
}

/** What the parts of a value cost. */
class Weight {
  readonly #types: Types;
  readonly #known = new Map<object, number>();
  readonly #children = new Map<unknown, Child[]>();

  constructor(types: Types) {
    this.#types = types;
  }

  /** Where the weight is: from the root down, as long as one child has most of it. */
  heaviest(root: unknown): Culprit {
    let pointer = "";
    let place = root;
    for (;;) {
      const most = this.#of(place) * 0.9;
      const heavy = this.#inside(place).find(([, child]) => this.#of(child) > most);
      if (heavy === undefined) return { code: "OUT_OF_MEMORY", pointer };
      pointer = extend(pointer, heavy[0]);
      place = heavy[1];
    }
  }

  /** About what a value costs when all that it refers to is written out. */
  #of(value: unknown): number {
    if (typeof value === "string") return 1 + value.length / 32;
    if (typeof value !== "object" || value === null) return 1;
    const before = this.#known.get(value);
    if (before !== undefined) return before;
    this.#known.set(value, 1);
    let weight = ArrayBuffer.isView(value) ? 1 + value.byteLength / 32 : 1;
    for (const [, child] of this.#inside(value)) weight += this.#of(child);
    this.#known.set(value, weight);
    return weight;
  }

  /** The same children every time: a type makes new data whenever it is asked. */
  #inside(value: unknown): Child[] {
    const known = this.#children.get(value);
    if (known !== undefined) return known;
    let inside: Child[] = [];
    try {
      inside = children(value, this.#types);
    } catch (error) {
      // A type that fails now did not before: what it fails at has no weight.
      if (!(error instanceof Refusal)) throw error;
    }
    this.#children.set(value, inside);
    return inside;
  }
}

function children(value: unknown, types: Types): Child[] {
  if (typeof value !== "object" || value === null) return [];
  const content = types.content(value);
  if (content !== undefined) return [[undefined, content.data]];
  switch (classify(value)) {
    case "array":
      return Array.from(value as unknown[], (item, i) => [`${i}`, item]);
    case "plain":
    case "instance":
      return Object.entries(value);
    case "map":
      return mapChildren(contents(value as Map<unknown, unknown>));
    case "set":
      return contents(value as Set<unknown>).map((item, i) => [`${i}`, item]);
    case "converted":
      return [[undefined, (value as Converted).toJSON("")]];
    case "error":
      return [["cause", (value as Error).cause], ...Object.entries(value)];
    default:
      return [];
  }
}

/** A Map's value is found under its key, or, where that is no text, under its number. */
function mapChildren(flat: readonly unknown[]): Child[] {
  const found: Child[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i];
    const token = typeof key === "string" ? key : `${i / 2}`;
    found.push([token, key], [token, flat[i + 1]]);
  }
  return found;
}

/** A pointer to what lies in what it points to. */
export function extend(pointer: string, token: string | undefined): string {
  if (token === undefined) return pointer;
  return `${pointer}/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
