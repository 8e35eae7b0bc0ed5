import { extend } from "./locate.js";
import { Kind, sizeOf, type TapeShape } from "./tape.js";

/** The containers of a tape, of which not all need to have been built. */
export interface Containers {
  readonly words: Int32Array;
  readonly values: readonly unknown[];
  readonly shapes: readonly TapeShape[];
  /** Where the first one begins, and the last one ends. */
  readonly from: number;
  readonly end: number;
  /** The number of the first one. */
  readonly first: number;
}

/**
 * The JSON pointer of the container that begins at a place. Every value is in one container, which
 * comes behind it: so one pass finds all that are around it, from the inside out.
 */
export function pointerOf(tape: Containers, place: number): string {
  const { words, shapes, from, end, first } = tape;
  const tokens: string[] = [];
  let sought = NONE;
  let number = first;
  for (let at = from; at < end; number++) {
    const kind = words[at] as number;
    const isObject = kind >= 0;
    const size = isObject
      ? (shapes[kind] as TapeShape).words
      : sizeOf(kind, words[at + 1] as number);
    const found = at === place || (kind !== Kind.numbers && holds(tape, { at, size, sought }));
    if (found !== false) {
      if (typeof found === "string") tokens.unshift(found);
      sought = number;
    }
    at += size;
  }
  return tokens.reduce(extend, "");
}

const NONE = -1;

interface Sought {
  readonly at: number;
  readonly size: number;
  /** The number of a value. */
  readonly sought: number;
}

/** Under which name a container holds a value, or whether it does where it has no names. */
function holds(tape: Containers, { at, size, sought }: Sought): string | boolean {
  const { words, shapes, values } = tape;
  const kind = words[at] as number;
  const hasCount = kind < 0 && kind > Kind.numbers;
  const from = at + (hasCount ? 2 : 1);
  const index = words.subarray(from, at + size).indexOf(sought);
  if (index < 0) return false;
  if (kind >= 0) return (shapes[kind] as TapeShape).keys[index] as string;
  if (kind === Kind.map) {
    const key = values[words[from + index - (index % 2)] as number];
    return typeof key === "string" ? key : `${index >> 1}`;
  }
  return hasCount ? `${index}` : true;
}
