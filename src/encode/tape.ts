import type { Build } from "./builders.js";

// Numbers that native/core/src/msgpack/tape.rs has too; there is the form of the whole.

/** Words before the first table. */
export const HEADER = 10;

/** How containers that are no objects with a shape begin. */
export const Kind = {
  array: -1,
  map: -2,
  set: -3,
  numbers: -4,
  regexp: -5,
  error: -6,
  named: -7,
} as const;

/** The words of a container that is no object with a shape. */
export function sizeOf(kind: number, count: number): number {
  if (kind > Kind.numbers) return 2 + count;
  return kind === Kind.numbers || kind === Kind.named ? 3 : 2;
}

/** What is rare. */
export const Rare = { date: 0, bytes: 1, ext: 2, key: 3 } as const;

/** The number of an array's hole. */
export const HOLE = 4;

const SMALLEST = -128;
const SMALL_END = 1024;
const SMALL_AT = 8;

/** How many values are always there. */
export const FIXED: number = SMALL_AT + SMALL_END - SMALLEST;

/** The values that are always there. */
export function fixedValues(): unknown[] {
  const values: unknown[] = [null, false, true, undefined, undefined];
  while (values.length < SMALL_AT) values.push(undefined);
  for (let small = SMALLEST; small < SMALL_END; small++) values.push(small);
  return values;
}

/** The keys of objects, in order. */
export interface TapeShape {
  readonly keys: readonly string[];
  /** Words of such an object. */
  readonly words: number;
  /** Whether a plain assignment would do something else than set a property. */
  readonly isUnusual: boolean;
  /** How many objects were built by assignments. */
  built: number;
  /** What builds them faster. */
  build: Build | undefined;
}

/** The shape with these keys. */
export function shapeOf(keys: readonly string[]): TapeShape {
  const isUnusual = keys.includes("__proto__");
  return { keys, words: keys.length + 1, isUnusual, built: 0, build: undefined };
}

/** The same text as a property's name has it: one that is found at once in every object. */
export function asName(key: string): string {
  return Object.keys({ [key]: 0 })[0] as string;
}
