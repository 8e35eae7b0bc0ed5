import { isPlain } from "./classify.js";
import type { Shape } from "./shape.js";

// The tape being compared and the place in it. Only set while `isSame` runs, which calls nothing of
// the user's but getters; a capture that a getter starts is refused before it comes here.
let tape: unknown[] = [];
let at = 0;

/**
 * Whether a value is still what its tape says. New references are taken over on the way, so that
 * the old ones are not kept alive; after `false` the tape is to be replaced.
 */
export function isSame(recorded: unknown[], value: object): boolean {
  tape = recorded;
  at = 0;
  try {
    return isSameContainer(value);
  } finally {
    tape = [];
  }
}

function isSameContainer(value: object): boolean {
  const tag = tape[at + 1] as Shape | number;
  return typeof tag === "number"
    ? isSameArray(value as unknown[], tag)
    : isSameObject(value as Record<string, unknown>, tag);
}

function isSameObject(object: Record<string, unknown>, shape: Shape): boolean {
  const isNew = tape[at] !== object;
  if (isNew && (Array.isArray(object) || !isPlain(object))) return false;
  if (isNew) tape[at] = object;
  at += 2;
  const { keys } = shape;
  const count = keys.length;
  let i = 0;
  for (const key in object) {
    if (i === count || keys[i] !== key) return false;
    i++;
    const value = object[key];
    const place = at;
    if (!isSameSlot(value)) return false;
    if (isNew) tape[place] = value;
  }
  return i === count;
}

function isSameArray(array: unknown[], length: number): boolean {
  const isNew = tape[at] !== array;
  if (isNew && !Array.isArray(array)) return false;
  if (isNew) tape[at] = array;
  at += 2;
  if (array.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const value = array[i];
    if (value === undefined && !(i in array)) return false;
    const place = at;
    if (!isSameSlot(value)) return false;
    if (isNew) tape[place] = value;
  }
  return true;
}

function isSameSlot(value: unknown): boolean {
  const slot = tape[at];
  if (typeof slot === "object" && slot !== null) {
    return typeof value === "object" && value !== null && isSameContainer(value);
  }
  at++;
  return slot === value ? slot !== 0 || Object.is(slot, value) : Object.is(slot, value);
}
