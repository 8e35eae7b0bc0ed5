// Random values and random changes in place, from a seed: a run that failed can be run again.

import { Crate, Holder, partsOf, remade, Stamp } from "./own-types.js";

/** Numbers in [0, below), the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const KEYS = ["id", "role", "content", "a", "b", "\u00e9", "__proto__", "0", "17", "\ud800k"];
const WORDS = ["", "x", "user", "assistant", "\u65e5\u672c\u8a9e", "na\u00efve", "\udc00"];
const TEXTS = [...WORDS, "a".repeat(31), "\u{1f600}".repeat(9)];
const NUMBERS = [0, -0, 1, -1, 127, 128, 255, 256, -32, -33, 65535, 65536, 2 ** 31, 2 ** 32];
const MORE = [2 ** 53, 1.5, NaN, Infinity, -Infinity, -(2 ** 31) - 1, 2 ** 53 - 1, 1e300];

export function scalar(random: Random): unknown {
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return undefined;
    case 3:
      return random.pick(TEXTS);
    case 4:
      return random.pick(TEXTS).repeat(random.below(40));
    case 5:
      return random.pick(NUMBERS);
    case 6:
      return random.pick(MORE);
    case 7:
      return random.pick([0n, -1n, 255n, -129n, 2n ** 70n, -(2n ** 64n)]);
    default:
      return random.below(1000);
  }
}

class Point {
  x: unknown;
  y = 2;
  constructor(x: unknown) {
    this.x = x;
  }
}

class Boxed {
  inner: unknown;
  constructor(inner: unknown) {
    this.inner = inner;
  }
  toJSON(): unknown {
    return { inner: this.inner };
  }
}

function rich(random: Random, depth: number): unknown {
  switch (random.below(14)) {
    case 10:
      return new Holder(value(random, depth - 1));
    case 11:
      return new Crate(value(random, depth - 1), random.below(300));
    case 12:
      return new Stamp(random.pick(TEXTS).repeat(random.below(40)));
    case 13:
      return new RangeError("own", { cause: new Holder(scalar(random)) });
    case 0:
      return new Date(random.pick([0, 1, -1, 1e12, 2 ** 35 * 1000, NaN, 8.64e15, -8.64e15]));
    case 1:
      return new Map(several(random, 5, () => [scalar(random), value(random, depth - 1)]));
    case 2:
      return new Set(several(random, 5, () => value(random, depth - 1)));
    case 3:
      return new RegExp(random.pick(["a", "b+", "/"]), random.pick(["", "g", "giu"]));
    case 4:
      return Uint8Array.from({ length: random.below(300) }, (_, i) => i);
    case 5:
      return Float64Array.from({ length: random.below(5) }, (_, i) => i / 3);
    case 6:
      return new RangeError("out", { cause: scalar(random) });
    case 7:
      return new Point(value(random, depth - 1));
    case 8:
      return new Boxed(value(random, depth - 1));
    default:
      return new Int16Array([1, -2, random.below(9)]).buffer;
  }
}

/** Any value, at most `depth` levels deep. */
export function value(random: Random, depth: number): unknown {
  const kind = depth <= 0 ? 0 : random.below(12);
  if (kind < 4) return scalar(random);
  if (kind < 7) return object(random, depth);
  if (kind < 10) return array(random, depth);
  if (kind < 11) return Array.from({ length: random.below(150) }, () => random.pick(NUMBERS));
  return rich(random, depth);
}

/** Fewer than `limit` items. */
function several<T>(random: Random, limit: number, make: () => T): T[] {
  return Array.from({ length: random.below(limit) }, make);
}

function array(random: Random, depth: number): unknown[] {
  const items = several(random, random.pick([3, 20]), () => value(random, depth - 1));
  if (random.below(6) === 0 && items.length > 0) delete items[random.below(items.length)];
  return items;
}

function object(random: Random, depth: number): object {
  const made: Record<string, unknown> = {};
  const count = random.below(random.pick([3, 8, 24]));
  for (let i = 0; i < count; i++) put(made, key(random), value(random, depth - 1));
  return made;
}

function key(random: Random): string {
  return random.below(3) === 0 ? `k${random.below(30)}` : random.pick(KEYS);
}

function put(target: object, name: string, item: unknown): void {
  const property = { value: item, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(target, name, property);
}

/** Changes something somewhere in `root`, in place. */
export function mutate(random: Random, root: unknown): void {
  let place = root;
  for (let steps = random.below(6); steps > 0; steps--) {
    const inside = containersIn(place);
    if (inside.length === 0) break;
    place = random.pick(inside);
  }
  if (Array.isArray(place)) mutateArray(random, place);
  else if (place instanceof Map) mutateMap(random, place);
  else if (place instanceof Set) mutateSet(random, place);
  else if (place instanceof Date) place.setTime(random.below(5));
  else if (ArrayBuffer.isView(place)) new Uint8Array(place.buffer)[0] = random.below(3);
  else if (place instanceof RegExp) place.lastIndex = random.below(3);
  else if (place instanceof Holder) mutateHolder(random, place);
  else if (place instanceof Stamp) place.text += random.pick(TEXTS);
  else if (place instanceof Error) place.message = random.pick(TEXTS);
  else if (typeof place === "object" && place !== null) mutateObject(random, place);
}

function containersIn(place: unknown): object[] {
  if (typeof place !== "object" || place === null) return [];
  if (place instanceof Holder) return containersIn([place.inner]);
  const isTable = place instanceof Map || place instanceof Set;
  const values: unknown[] = isTable ? [...place.values()] : Object.values(place);
  return values.filter((item): item is object => typeof item === "object" && item !== null);
}

function mutateObject(random: Random, place: object): void {
  const keys = Object.keys(place);
  const known = keys.length > 0 ? random.pick(keys) : "a";
  const pick = (): unknown => Object.getOwnPropertyDescriptor(place, known)?.value;
  switch (random.below(7)) {
    case 0:
      return put(place, key(random), value(random, 2));
    case 5:
      return rename(place, known, key(random));
    case 1:
      return void delete (place as Record<string, unknown>)[known];
    case 2: {
      // The key moves to the end.
      const kept = pick();
      delete (place as Record<string, unknown>)[known];
      return put(place, known, kept);
    }
    case 3: {
      const kept = pick();
      const isText = typeof kept === "string";
      return put(place, known, isText ? kept + random.pick(TEXTS).repeat(60) : scalar(random));
    }
    case 4:
      return put(place, known, clone(pick()));
    default:
      return put(place, known, value(random, 3));
  }
}

/** Gives a key another name; it stands where it stood, and so does all else. */
function rename(place: object, from: string, to: string): void {
  if (to in place) return;
  for (const name of Object.keys(place)) {
    const kept = Object.getOwnPropertyDescriptor(place, name)?.value;
    delete (place as Record<string, unknown>)[name];
    put(place, name === from ? to : name, kept);
  }
}

function mutateArray(random: Random, place: unknown[]): void {
  const at = random.below(place.length + 1);
  switch (random.below(9)) {
    case 0:
      return void place.push(...array(random, 2));
    case 1:
      return void place.splice(at, random.below(4));
    case 2:
      return void place.splice(at, random.below(3), value(random, 2), scalar(random));
    case 3:
      return void place.reverse();
    case 4:
      return void place.shift();
    case 5:
      return void place.unshift(value(random, 2));
    case 6:
      for (let i = 0; i < place.length; i++) place[i] = clone(place[i]);
      return;
    case 7:
      if (place.length > 0) delete place[random.below(place.length)];
      return;
    default:
      place[random.below(place.length + 1)] = value(random, 2);
  }
}

function mutateMap(random: Random, place: Map<unknown, unknown>): void {
  const keys = [...place.keys()];
  const known = keys.length > 0 ? random.pick(keys) : 1;
  if (random.below(3) === 0) place.delete(known);
  else place.set(random.below(2) === 0 ? known : scalar(random), value(random, 2));
}

function mutateHolder(random: Random, place: Holder): void {
  if (place instanceof Crate && random.below(2) === 0) place.weight = random.below(70_000);
  else if (typeof place.inner === "object") mutate(random, place.inner);
  else place.inner = value(random, 2);
}

function mutateSet(random: Random, place: Set<unknown>): void {
  const values = [...place];
  if (random.below(2) === 0 && values.length > 0) place.delete(random.pick(values));
  else place.add(value(random, 2));
}

/** An equal value with other references, where that is easily had. */
function clone(item: unknown): unknown {
  if (Array.isArray(item)) return item.slice();
  if (typeof item !== "object" || item === null) return item;
  if (partsOf(item)) return remade(item, clone);
  if (Object.getPrototypeOf(item) !== Object.prototype) return item;
  const made = {};
  for (const name of Object.keys(item)) {
    put(made, name, clone(Object.getOwnPropertyDescriptor(item, name)?.value));
  }
  return made;
}
