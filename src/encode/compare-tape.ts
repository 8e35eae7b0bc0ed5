import { isPlain } from "./classify.js";
import type { Shape } from "./shape.js";

const DIFFERS = -1;

/**
 * Whether a value is still what its tape says. New references are taken over on the way, so that
 * the old ones are not kept alive; after `false` the tape is to be replaced.
 */
export function isSame(tape: unknown[], value: object): boolean {
  return compare(tape, 0, value) !== DIFFERS;
}

/**
 * Compares a container with the tape from `from` on; gives where its part of the tape ends. Most of
 * the time of a save is spent here. It is one function on purpose: V8 does not inline a function
 * into itself, and mutual recursion unrolled made it take several times as long to compile.
 */
function compare(tape: unknown[], from: number, value: object): number {
  const tag = tape[from + 1] as Shape | number;
  const isNew = tape[from] !== value;
  let at = from + 2;
  if (typeof tag === "number") {
    if (isNew && !Array.isArray(value)) return DIFFERS;
    const array = value as unknown[];
    if (array.length !== tag) return DIFFERS;
    for (let i = 0; i < tag; i++) {
      const item = array[i];
      if (typeof item === "object" && item !== null) {
        const slot = tape[at];
        if (typeof slot !== "object" || slot === null) return DIFFERS;
        at = compare(tape, at, item);
        if (at === DIFFERS) return DIFFERS;
        continue;
      }
      const slot = tape[at];
      if (slot !== item || item === 0 || item === undefined) {
        if (!Object.is(slot, item) || (item === undefined && !(i in array))) return DIFFERS;
      }
      if (isNew) tape[at] = item;
      at++;
    }
  } else {
    if (isNew && (Array.isArray(value) || !isPlain(value))) return DIFFERS;
    const object = value as Record<string, unknown>;
    const { keys, nests } = tag;
    const count = keys.length;
    let i = 0;
    for (const key in object) {
      if (i === count || keys[i] !== key) return DIFFERS;
      const item = object[key];
      if ((nests & (1 << i++)) === 0) {
        // No container is here, so that what is identical is equal, and is not even looked at.
        if (!Object.is(tape[at], item)) return DIFFERS;
        if (isNew) tape[at] = item;
        at++;
        continue;
      }
      if (typeof item === "object" && item !== null) {
        const slot = tape[at];
        if (typeof slot !== "object" || slot === null) return DIFFERS;
        at = compare(tape, at, item);
        if (at === DIFFERS) return DIFFERS;
        continue;
      }
      const slot = tape[at];
      if ((slot !== item || item === 0) && !Object.is(slot, item)) return DIFFERS;
      if (isNew) tape[at] = item;
      at++;
    }
    if (i !== count) return DIFFERS;
  }
  if (isNew) tape[from] = value;
  return at;
}
