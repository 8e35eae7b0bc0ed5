import { KeepstateError, type Code } from "../errors.js";
import { classify, type Converted } from "./classify.js";
import { MAX_DEPTH } from "./limits.js";
import { Refusal } from "./refusal.js";
import { contents } from "./rich.js";

/** What lies in a value: the pointer's next token (none: the same place), and the child. */
type Child = readonly [token: string | undefined, value: unknown];

/** The part at fault: why, and where. */
export interface Culprit {
  readonly code: Code;
  readonly pointer: string;
}

/** Which part of a value is at fault, if it is this one. */
export type Judge = (value: unknown) => Code | undefined;

/**
 * The error that the hot path's refusal means, with the JSON pointer, found by a second, slow walk.
 * `judge` tells whether a value, without what lies in it, is at fault.
 */
export function locate(refusal: Refusal, value: unknown, judge: Judge): KeepstateError {
  const { code, message } = refusal;
  const found = code === "OUT_OF_MEMORY" ? heaviest(value) : findCulprit(value, judge);
  if (found === undefined) return new KeepstateError(code, message);
  const { pointer } = found;
  const place = pointer === "" ? "in the state itself" : `at ${pointer}`;
  const text = found.code === "CYCLE" ? CYCLE : message;
  return new KeepstateError(found.code, `${text} It is ${place}.`, { pointer });
}

/** The first part of a value that is at fault, or in a cycle, or too deep. */
export function findCulprit(value: unknown, judge: Judge): Culprit | undefined {
  return new Search(judge).from(value);
}

const CYCLE = "The state refers to itself. Save an id instead of the object.";

/** A depth-first search for the first part at fault, in the order of saving. */
class Search {
  readonly #judge: Judge;
  readonly #around = new Set<object>();
  /** The greatest depth at which an object was found to be without fault. */
  readonly #cleared = new Map<object, number>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  from(value: unknown, pointer = ""): Culprit | undefined {
    const code = this.#judge(value);
    if (code !== undefined) return { code, pointer };
    if (typeof value !== "object" || value === null) return undefined;
    const depth = this.#around.size + 1;
    if (this.#around.has(value)) return { code: "CYCLE", pointer };
    if (depth > MAX_DEPTH) return { code: "TOO_DEEP", pointer };
    if ((this.#cleared.get(value) ?? 0) >= depth) return undefined;
    this.#around.add(value);
    for (const [token, child] of children(value)) {
      const found = this.from(child, extend(pointer, token));
      if (found !== undefined) return found;
    }
    this.#around.delete(value);
    this.#cleared.set(value, depth);
    return undefined;
  }
}

/** Where the weight is: from the root down, as long as one child has most of it. */
function heaviest(root: unknown): Culprit {
  const weights = new Map<object, number>();
  let pointer = "";
  let place = root;
  for (;;) {
    const most = weigh(place, weights) * 0.9;
    const heavy = children(place).find(([, child]) => weigh(child, weights) > most);
    if (heavy === undefined) return { code: "OUT_OF_MEMORY", pointer };
    pointer = extend(pointer, heavy[0]);
    place = heavy[1];
  }
}

/** About what a value costs when all that it refers to is written out. */
function weigh(value: unknown, known: Map<object, number>): number {
  if (typeof value === "string") return 1 + value.length / 32;
  if (typeof value !== "object" || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, 1);
  let weight = ArrayBuffer.isView(value) ? 1 + value.byteLength / 32 : 1;
  for (const [, child] of children(value)) weight += weigh(child, known);
  known.set(value, weight);
  return weight;
}

function children(value: unknown): Child[] {
  if (typeof value !== "object" || value === null) return [];
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

function extend(pointer: string, token: string | undefined): string {
  if (token === undefined) return pointer;
  return `${pointer}/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
