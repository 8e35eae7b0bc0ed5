// Proves that with `immutable` what is deeply frozen is not read again, and that whatever can still
// change in place is: in a state part of which is frozen, no change is missed.
import test from "ava";
import { Shadow } from "../../src/encode/shadow.js";
import { NO_TYPES } from "../../src/encode/types.js";
import { Follower } from "./follower.js";
import { Holder, ownTypes, Stamp } from "./own-types.js";
import { mutate, Random, value } from "./random.js";

/** Freezes a value as Immer does: plain objects and arrays, all the way down. */
function freeze<T>(item: T): T {
  if (typeof item !== "object" || item === null || ArrayBuffer.isView(item)) return item;
  Object.freeze(item);
  Object.values(item).forEach(freeze);
  return item;
}

/** Counts the reads of a frozen object; a Proxy cannot say anything else than its target. */
function counted(): { item: object; reads: () => number } {
  let reads = 0;
  const get = (target: object, key: string | symbol): unknown => {
    if (key === "id") reads++;
    return Reflect.get(target, key) as unknown;
  };
  return { item: new Proxy(Object.freeze({ id: 1 }), { get }), reads: () => reads };
}

const LONG = "x".repeat(3000);

test("deeply frozen parts are skipped only where that was asked for", (t) => {
  for (const immutable of [false, true]) {
    const { item, reads } = counted();
    const frozen = Object.freeze({ list: Object.freeze([item, LONG]) });
    const shadow = new Shadow({ immutable });
    shadow.capture({ frozen });
    const before = reads();
    shadow.capture({ frozen });
    t.is(reads() - before, immutable ? 0 : 1);
  }
});

test("what was not frozen at first is skipped once its frozen successor was seen", (t) => {
  const { item, reads } = counted();
  const shadow = new Shadow({ immutable: true });
  shadow.capture({ part: { list: [{ id: 1 }, LONG] } });
  const part = Object.freeze({ list: Object.freeze([item, LONG]) });
  for (let save = 0; save < 3; save++) shadow.capture({ part });
  const before = reads();
  shadow.capture({ part });
  t.is(reads(), before);
});

/** Frozen on the surface; each can still be changed in place by its second part. */
const MUTABLE: Record<string, () => [part: unknown, change: () => void]> = {
  "an object within": () => {
    const open = { n: 1 };
    return [Object.freeze({ open, LONG }), () => (open.n = 2)];
  },
  "a Map within": () => {
    const map = new Map([[1, 1]]);
    return [Object.freeze([Object.freeze(map), LONG]), () => map.set(1, 2)];
  },
  "a Set within": () => {
    const set = new Set([1]);
    return [Object.freeze({ set: Object.freeze(set), LONG }), () => set.add(2)];
  },
  "a Date within": () => {
    const date = new Date(0);
    return [Object.freeze({ date: Object.freeze(date), LONG }), () => date.setTime(1)];
  },
  "bytes within": () => {
    const bytes = new Uint8Array(2);
    return [Object.freeze({ bytes, LONG }), () => (bytes[0] = 1)];
  },
  "an ArrayBuffer within": () => {
    const { buffer } = new Uint8Array(2);
    return [Object.freeze({ buffer, LONG }), () => (new Uint8Array(buffer)[0] = 1)];
  },
  "a getter": () => {
    let n = 1;
    const part = Object.freeze({
      LONG,
      get n() {
        return n;
      },
    });
    return [part, () => n++];
  },
  "a getter in an array": () => {
    let n = 1;
    const list: unknown[] = [1, 2, LONG];
    Object.defineProperty(list, 1, { enumerable: true, get: () => n });
    return [Object.freeze(list), () => n++];
  },
  "a getter among many numbers": () => {
    let n = 1;
    const list = Array.from({ length: 100 }, (_, i) => i);
    Object.defineProperty(list, 50, { enumerable: true, get: () => n });
    return [Object.freeze(list), () => n++];
  },
  "a class with private state": () => {
    class Counter {
      #n = 1;
      next(): void {
        this.#n++;
      }
      toJSON(): number {
        return this.#n;
      }
    }
    const counter = Object.freeze(new Counter());
    return [Object.freeze({ counter, LONG }), () => counter.next()];
  },
  "a value of a type": () => {
    const held = new Holder(1);
    Object.freeze(held);
    return [Object.freeze({ held, LONG }), () => (held.inner = 2)];
  },
  "a value of a type in a value of a type": () => {
    const stamp = new Stamp("a");
    Object.freeze(stamp);
    const held = Object.freeze(new Holder(Object.freeze([stamp])));
    return [Object.freeze([held, LONG]), () => (stamp.text += "b")];
  },
};

for (const [name, make] of Object.entries(MUTABLE)) {
  test(`frozen on the surface only: ${name}`, (t) => {
    const follower = new Follower({ immutable: true, types: ownTypes() });
    const [part, change] = make();
    const state = { before: 1, list: [part, { deeper: Object.freeze([part]) }] };
    for (let save = 0; save < 4; save++) {
      t.is(follower.check(state, true), undefined);
      change();
    }
  });
}

test("an equal part that is not frozen takes the place of a frozen one, and changes", (t) => {
  for (const text of ["short", LONG]) {
    const part = (): { text: string; list: number[] } => ({ text, list: [1, 2] });
    const follower = new Follower({ immutable: true });
    const state = { part: freeze(part()), parts: freeze([part(), part()]) };
    t.is(follower.check(state, true), undefined);
    state.part = part();
    state.parts = [part(), part()];
    t.is(follower.check(state, true), undefined);
    state.part.list[0] = 9;
    (state.parts[1] as { list: number[] }).list[1] = 9;
    t.is(follower.check(state, true), undefined);
    t.true(follower.written > 0);
  }
});

test("random changes in place beside frozen parts, 4,000 captures", (t) => {
  t.timeout(120_000);
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed);
    const follower = new Follower({ immutable: true, types: seed % 2 ? ownTypes() : NO_TYPES });
    const part = (): unknown => {
      const made = value(random, 3);
      return random.below(2) === 0 ? freeze(made) : made;
    };
    const list = Array.from({ length: 12 }, part);
    const root = { list, state: part() };
    for (let save = 0; save < 40; save++) {
      const wrong = follower.check(root, false);
      if (wrong !== undefined) t.fail(`seed ${seed}, save ${save}: ${wrong}`);
      for (let changes = random.below(4); changes > 0; changes--) {
        const at = random.below(list.length + 1);
        if (random.below(3) === 0) list.splice(at, random.below(2), part());
        else if (random.below(4) === 0) list[at] = thawed(list[at]);
        else mutateOpen(random, root);
      }
    }
  }
  t.pass();
});

/** A change in place somewhere; a frozen place refuses it, which is no matter here. */
function mutateOpen(random: Random, root: object): void {
  try {
    mutate(random, root);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** An equal value that is not frozen, where it is made of plain objects and arrays. */
function thawed(item: unknown): unknown {
  if (Array.isArray(item)) return item.slice();
  if (typeof item !== "object" || item === null) return item;
  if (Object.getPrototypeOf(item) !== Object.prototype) return item;
  return Object.defineProperties({}, unlocked(item));
}

function unlocked(item: object): PropertyDescriptorMap {
  const described = Object.entries(Object.getOwnPropertyDescriptors(item));
  return Object.fromEntries(
    described.map(([key, { value: kept }]) => [
      key,
      { value: kept as unknown, writable: true, enumerable: true, configurable: true },
    ]),
  );
}
