// Proves that the edits of every capture, applied to the last bytes, give what encoding the whole
// state gives, and that those bytes decode to the state. With KEEPSTATE_LONG=1 ten times as many.
import test from "ava";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow } from "../../src/encode/shadow.js";
import { NO_TYPES } from "../../src/encode/types.js";
import { KeepstateError } from "../../src/errors.js";
import { Follower } from "./follower.js";
import { ownTypes } from "./own-types.js";
import { mutate, Random, value } from "./random.js";

/** Forty captures of one random state that changes in between; what is wrong, if anything. */
function follow(seed: number): string | undefined {
  const random = new Random(seed);
  const follower = new Follower({ types: seed % 8 < 4 ? ownTypes() : NO_TYPES });
  const list = Array.from({ length: 12 }, () => value(random, 3));
  const root = { state: value(random, 5), list };
  for (let save = 0; save < 40; save++) {
    const wrong = follower.check(root, true);
    if (wrong !== undefined) return `seed ${seed}, save ${save}: ${wrong}`;
    for (let changes = random.below(4); changes > 0; changes--) mutate(random, root);
  }
  return undefined;
}

/** The states of each part. */
const STATES = process.env["KEEPSTATE_LONG"] === undefined ? 130 : 1300;

for (const part of [0, 1, 2, 3]) {
  test(`random changes in place, part ${part}`, async (t) => {
    t.timeout(STATES * 1000);
    for (let seed = part; seed < 4 * STATES; seed += 4) {
      t.is(follow(seed), undefined);
      await setImmediate();
    }
    t.log(`captures of random states, part ${part}: ${STATES} states, ${STATES * 40} captures`);
  });
}

interface Session {
  readonly base: object;
  readonly listKey: string;
  readonly items: unknown[];
  readonly steps: readonly { upto: number; head: object }[];
}

const corpus = new URL("../../../../shared/corpus/", import.meta.url);
const sessions = existsSync(corpus)
  ? readdirSync(corpus).filter((name) => name.endsWith(".session.json"))
  : [];

for (const name of sessions) {
  test(`every step of a real session: ${name}`, async (t) => {
    t.timeout(120_000);
    const session = JSON.parse(readFileSync(new URL(name, corpus), "utf8")) as Session;
    const list: unknown[] = [];
    const state = { ...session.base, [session.listKey]: list };
    const follower = new Follower();
    let written = 0;
    for (const [save, { upto, head }] of session.steps.entries()) {
      Object.assign(state, head);
      list.push(...session.items.slice(list.length, upto));
      t.is(follower.check(state, save % 10 === 0), undefined);
      if (save > 0) written += follower.written;
      await setImmediate();
    }
    // Everything is written about once: a shadow that encodes all of it again would pass the rest.
    t.true(written < follower.bytes.length * 1.1);
  });
}

test("what did not change is not written", (t) => {
  const shadow = new Shadow();
  const message = (id: number): object => ({ id, role: "user", text: `message ${id}` });
  const big = Array.from({ length: 1000 }, (_, id) => message(id));
  const vector = Array.from({ length: 500 }, (_, i) => i / 7);
  const state = { step: 1, done: false, big, vector };
  shadow.capture(state);
  t.is(shadow.capture(state).edits?.length, 0);
  state.step = 2;
  t.deepEqual([...(shadow.capture(state).edits ?? [])], [6, 1, 0, 1]);
  big.splice(500, 1);
  t.true(shadow.capture(state).bytes.length < 10);
  big.shift();
  big.push(message(1000));
  t.true(shadow.capture(state).bytes.length < 50);
  vector[250] = 1;
  t.true(shadow.capture(state).bytes.length < 10);
  t.is(shadow.capture(JSON.parse(JSON.stringify(state))).edits?.length, 0);
});

test("text that grows costs its tail", (t) => {
  const follower = new Follower();
  const state = { id: 1, answer: "long ".repeat(1000), wide: "\u65e5".repeat(400) };
  follower.check(state, true);
  for (let i = 0; i < 30; i++) {
    state.answer += " and longer".repeat(1 + i * 40);
    state.wide += i % 3 === 0 ? "\ud83d" : "\ude00\u8a9e";
    t.is(follower.check(state, true), undefined);
  }
});

test("a save from within a save is REENTERED, and the next is whole", (t) => {
  const shadow = new Shadow();
  shadow.capture({ a: 1 });
  const state = {
    toJSON(): unknown {
      return shadow.capture({ b: 1 });
    },
  };
  const error = t.throws(() => shadow.capture({ state }), { instanceOf: KeepstateError });
  t.is(error?.code, "REENTERED");
  t.is(shadow.capture({ a: 1 }).edits, undefined);
  const elsewhere = { toJSON: () => [...new Shadow().capture(1).bytes, ...encodeMsgpack(2)] };
  t.is(shadow.capture({ elsewhere }).size, encodeMsgpack({ elsewhere: [1, 2] }).length);
});

test("what a getter throws comes through, and the next capture is whole", (t) => {
  const shadow = new Shadow();
  const state = { a: 1, b: 2 };
  shadow.capture(state);
  Object.defineProperty(state, "b", {
    enumerable: true,
    configurable: true,
    get() {
      throw new RangeError("mine");
    },
  });
  t.throws(() => shadow.capture(state), { instanceOf: RangeError, message: "mine" });
  Object.defineProperty(state, "b", { value: 3 });
  t.is(shadow.capture(state).edits, undefined);
});

test("invalidate makes the next capture whole", (t) => {
  const shadow = new Shadow();
  shadow.capture([1]);
  shadow.invalidate();
  t.is(shadow.capture([1]).edits, undefined);
});

test("zero, minus zero and NaN are three values, in small and in large containers", (t) => {
  const padding = "x".repeat(3000);
  for (const state of [{ n: 0, list: [0] }, { n: 0, list: [0], padding }]) {
    const follower = new Follower();
    for (const n of [0, -0, 0, NaN, NaN, -0]) {
      state.n = n;
      state.list[0] = n;
      t.is(follower.check(state, true), undefined);
    }
    t.is(follower.shadow.capture(state).edits?.length, 0);
  }
});

test("an object that becomes another kind after changes in it is written once", (t) => {
  const follower = new Follower();
  const inner: Record<string, unknown> = { n: 1, text: "x".repeat(3000), list: [1] };
  const state = { before: 1, inner, after: [1] };
  follower.check(state, true);
  inner["n"] = 1000;
  inner["toJSON"] = () => ["converted"];
  t.is(follower.check(state, true), undefined);
  delete inner["toJSON"];
  t.is(follower.check(state, true), undefined);
});

test("items that moved far are not written again, as long as most keep their order", (t) => {
  const follower = new Follower();
  const item = (id: number): object => ({ id, text: `${id}`.repeat(100) });
  const list = Array.from({ length: 200 }, (_, id) => item(id));
  follower.check(list, true);
  list.push(...list.splice(20, 1));
  list.unshift(...list.splice(100, 30));
  t.is(follower.check(list, true), undefined);
  t.true(follower.written < 31 * 330);
});
