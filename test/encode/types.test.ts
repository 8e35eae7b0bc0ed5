// Proves that values of types of one's own come back as such wherever they stand, that what a
// process does not know it keeps byte for byte, and that a type that fails is named with its place.
import test from "ava";
import { inspect } from "node:util";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow } from "../../src/encode/shadow.js";
import { NO_TYPES, type Type, Types } from "../../src/encode/types.js";
import { UnknownType } from "../../src/encode/unknown-type.js";
import { KeepstateError } from "../../src/errors.js";
import { difference } from "./compare.js";
import { Follower } from "./follower.js";
import { loadAddon } from "./native.js";
import { Crate, crate, Holder, holder, ownTypes, Stamp } from "./own-types.js";

const { tapeReader } = loadAddon();
const decoder = new Decoder(tapeReader());
const types = ownTypes();

const hex = (value: unknown, known = types): string =>
  Buffer.from(encodeMsgpack(value, known)).toString("hex");
const restored = (value: unknown, known = types): unknown =>
  decoder.decode(encodeMsgpack(value, types), known);

const failure = new RangeError("no", { cause: new Holder("cause") });

const states: Record<string, () => unknown> = {
  "the state itself": () => new Holder(1),
  "in an object and an array": () => ({ a: [new Stamp("x"), { b: new Holder([1, 2]) }], c: 1 }),
  "in a Map, as key and as value": () => new Map([[new Stamp("k"), new Holder(new Map())]]),
  "in a Set": () => new Set([new Crate(1, 2), new Crate(1, 3)]),
  "in each other": () => new Holder(new Crate([new Holder(new Stamp("deep"))], 5)),
  "in an error": () => failure,
  "with rich data": () => new Holder({ at: new Date(5), big: 2n ** 70n, re: /x/g, u: undefined }),
  "many of them": () => Array.from({ length: 3000 }, (_, n) => new Crate({ n }, n)),
  "of every size": () => [0, 1, 11, 14, 15, 250, 255, 256, 70_000].map((n) => new Stamp("y".repeat(n))),
};

for (const [name, make] of Object.entries(states)) {
  test(`come back as such: ${name}`, (t) => {
    t.is(difference(restored(make()), make()), undefined);
    t.is(hex(restored(make())), hex(make()));
    const follower = new Follower({ types });
    for (let save = 0; save < 3; save++) t.is(follower.check({ state: make() }, true), undefined);
  });
  test(`kept where they are not known: ${name}`, (t) => {
    const unknown = restored(make(), NO_TYPES);
    for (const known of [NO_TYPES, types]) t.is(hex(unknown, known), hex(make()));
    const again = decoder.decode(encodeMsgpack(unknown), types);
    t.is(difference(again, make()), undefined);
  });
}

test("the first type that was registered and fits is taken", (t) => {
  const general = new Types([holder, crate]);
  t.false(decoder.decode(encodeMsgpack(new Crate(1, 2), general), general) instanceof Crate);
  t.true(restored(new Crate(1, 2)) instanceof Crate);
  t.is(Object.getPrototypeOf(restored(new Holder(1))), Holder.prototype);
});

test("what is not known is shown, and may be changed", (t) => {
  const unknown = restored({ list: [new Holder({ n: 1 })] }, NO_TYPES) as { list: [UnknownType] };
  const [value] = unknown.list;
  t.true(value instanceof UnknownType);
  t.is(inspect(unknown, { depth: 3 }), "{ list: [ UnknownType Holder { inner: { n: 1 } } ] }");
  t.is(inspect({ a: unknown }), "{ a: { list: [ [UnknownType Holder] ] } }");
  const follower = new Follower();
  t.is(follower.check(unknown, false), undefined);
  value.data = { inner: new UnknownType("s", "made here") };
  t.is(follower.check(unknown, false), undefined);
  const back = decoder.decode(follower.bytes, types) as { list: [Holder] };
  t.is((back.list[0].inner as Stamp).text, "made here");
});

test("changes where nothing shows are noticed, and only they are written", (t) => {
  const follower = new Follower({ types });
  const deep = new Holder({ n: 1, text: "x".repeat(5000) });
  const crates = Array.from({ length: 100 }, (_, n) => new Crate({ n, text: "y".repeat(50) }, n));
  const state = { crates, deep, before: 1 };
  t.is(follower.check(state, true), undefined);
  for (const change of [
    () => ((deep.inner as { n: number }).n = 2),
    () => (crates[50]!.weight = 1000),
    () => ((crates[0]!.inner as { n: number }).n = 1e6),
    () => (deep.inner = (deep.inner as object) && { ...(deep.inner as object), n: 3 }),
  ]) {
    change();
    t.is(follower.check(state, true), undefined);
    t.true(follower.written > 0 && follower.written < 100, `${follower.written} bytes`);
  }
  t.is(follower.check(state, true), undefined);
  t.is(follower.written, 0);
});

test("values that become another kind are what they are now", (t) => {
  const follower = new Follower({ types });
  const values = [new Holder(1), new Crate(1, 2), { inner: 1 }, [1, 2], new Stamp("a"), "a", null];
  const more = [new UnknownType("Holder", { inner: 1 }), new Map([["inner", 1]]), new Holder([1])];
  const all = [...values, ...more, 5];
  for (const a of all) {
    for (const b of all) {
      for (const state of [a, b]) t.is(follower.check({ state, list: [1, state] }, false), undefined);
    }
  }
});

test("an object is of a type from the save on that finds it so", (t) => {
  const flag = { on: false };
  class Odd {
    n = 1;
  }
  const odd: Type<Odd> = {
    name: "Odd",
    is: (value) => flag.on && value instanceof Odd,
    encode: ({ n }) => n,
    decode: () => new Odd(),
  };
  const own = new Types([odd]);
  const follower = new Follower({ types: own });
  const state = { odd: new Odd(), list: [new Odd()] };
  for (const on of [false, true, true, false, true]) {
    flag.on = on;
    t.is(follower.check(state, false), undefined);
  }
});

test("a type that is registered later counts from the next save on", (t) => {
  const own = new Types();
  const follower = new Follower({ types: own });
  const state = { held: new Holder(1), padding: "x".repeat(5000) };
  t.is(follower.check(state, false), undefined);
  own.register(holder);
  t.is(follower.check(state, true), undefined);
});

test("built-in types stay what they are, subclasses may be more", (t) => {
  class Day extends Date {}
  class Names extends Map<string, string> {}
  const all: Type<object> = {
    name: "all",
    is: () => true,
    encode: () => "taken",
    decode: (data) => ({ data }),
  };
  const own = new Types([all]);
  const state = [
    new Date(0), new Map(), new Set(), /x/, new RangeError("x"), new Uint8Array(1),
    new Float64Array(1), new ArrayBuffer(1), [1], { a: 1 }, Object.create(null), Object(1),
    { toJSON: () => 1 },
  ];
  for (const value of state) t.is(hex(value, own), hex(value, NO_TYPES));
  for (const value of [new Day(0), new Names(), new URL("https://example.org/")]) {
    t.is(hex(value, own), hex(new UnknownType("all", "taken"), NO_TYPES));
  }
  t.is(hex(new UnknownType("u", 1), own), hex(new UnknownType("u", 1), NO_TYPES));
  t.is(hex({ toJSON: () => new Day(0) }, own), hex(new UnknownType("all", "taken"), NO_TYPES));
});

test("what toJSON gives may be of a type", (t) => {
  const follower = new Follower({ types });
  const state = { before: 1, converts: { toJSON: (): unknown => new Stamp("a") } };
  t.is(hex(state.converts), hex(new Stamp("a")));
  for (let save = 0; save < 3; save++) t.is(follower.check(state, true), undefined);
  t.is(follower.written, 0);
  state.converts.toJSON = () => ({ toJSON: () => 1, a: [new Stamp("b")] }).a;
  t.is(follower.check(state, true), undefined);
});

test("content that no property shows can be saved by a type", (t) => {
  const query: Type<URLSearchParams, string> = {
    name: "query",
    is: URLSearchParams,
    encode: (value) => value.toString(),
    decode: (text) => new URLSearchParams(text),
  };
  const own = new Types([query]);
  const bytes = encodeMsgpack({ q: new URLSearchParams("a=1&b=2") }, own);
  const back = decoder.decode(bytes, own) as { q: URLSearchParams };
  t.is(back.q.get("b"), "2");
});

const wrong: Record<string, [unknown, RegExp]> = {
  "no object": [null, /object of name/],
  "no name": [{ ...holder, name: "" }, /name is text/],
  "a name that is no text": [{ ...holder, name: 5 }, /name is text/],
  "half a name": [{ ...holder, name: "\ud800" }, /name is text/],
  "a name that is taken": [{ ...crate, name: "Holder" }, /"Holder" is registered already/],
  "no is": [{ ...crate, is: undefined }, /needs an `is`/],
  "no encode": [{ ...crate, encode: 1 }, /two functions/],
  "no decode": [{ ...crate, decode: undefined }, /two functions/],
  "a built-in class": [{ ...crate, is: Map }, /cannot be for Map/],
};

for (const [name, [type, message]] of Object.entries(wrong)) {
  test(`refused at registration: ${name}`, (t) => {
    const own = new Types([holder]);
    const error = t.throws(() => own.register(type as Type), { instanceOf: KeepstateError });
    t.is(error?.code, "INVALID_ARGUMENT");
    t.regex(error?.message ?? "", message);
    t.is(own.size, 1);
  });
}

class Bad {
  readonly how: string;
  constructor(how: string) {
    this.how = how;
  }
}

const bad: Type<Bad> = {
  name: "Bad",
  is: (value) => {
    if (value instanceof Bad && value.how === "is") throw new RangeError("mine");
    return value instanceof Bad;
  },
  encode: (value) => {
    if (value.how === "throws") throw new RangeError("mine");
    if (value.how === "itself") return value;
    if (value.how === "anew") return [new Bad("anew")];
    return value.how === "function" ? () => 1 : { within: [value] };
  },
  decode: (data) => {
    if (data === "promise") return Promise.reject(new Error("late")) as never;
    throw new RangeError(`no ${data}`);
  },
};

const places: [how: string, code: string, pointer: string | RegExp][] = [
  ["throws", "CODEC_FAILED", "/a/1/k~1"],
  ["is", "CODEC_FAILED", "/a/1/k~1"],
  ["itself", "CYCLE", "/a/1/k~1"],
  ["within", "CYCLE", "/a/1/k~1/within/0"],
  ["anew", "TOO_DEEP", /^\/a\/1\/k~1(\/0)+$/],
  ["function", "UNSUPPORTED_TYPE", "/a/1/k~1"],
];

for (const [how, code, pointer] of places) {
  test(`a type that fails to encode is named with its place: ${how}`, (t) => {
    const own = new Types([holder, bad]);
    const shadow = new Shadow({ types: own });
    const list = [1, new Map<string, unknown>()] as const;
    const state = { before: new Holder(1), a: list };
    shadow.capture(state);
    list[1].set("k/", new Bad(how));
    const whole = (): unknown => encodeMsgpack(state, own);
    for (const save of [() => shadow.capture(state), () => shadow.capture(state), whole]) {
      const error = t.throws(save, { instanceOf: KeepstateError });
      t.is(error?.code, code as never);
      if (typeof pointer === "string") t.is(error?.pointer, pointer);
      else t.regex(error?.pointer ?? "", pointer);
      if (code !== "CODEC_FAILED") continue;
      t.regex(error?.message ?? "", /^The type "Bad" could not .*: mine\. .* It is at \/a\/1\/k~1\.$/);
      t.true(error?.cause instanceof RangeError);
    }
    list[1].clear();
    t.is(shadow.capture(state).edits, undefined);
  });
}

test("a type that fails in a nested value of another is named with its place", (t) => {
  const own = new Types([holder, bad]);
  const state = [new Holder({ x: new Holder([new Bad("throws")]) })];
  const error = t.throws(() => encodeMsgpack(state, own), { instanceOf: KeepstateError });
  t.deepEqual([error?.code, error?.pointer], ["CODEC_FAILED", "/0/inner/x/inner/0"]);
});

test("too much in a value of a type is found there", (t) => {
  const own = new Types([{ ...holder, encode: ({ inner }: Holder) => ({ inner: [inner] }) }]);
  const shadow = new Shadow({ types: own, limits: { containers: 100 } });
  const many = Array.from({ length: 200 }, () => []);
  const state = { a: [1], b: new Holder({ many }) };
  const error = t.throws(() => shadow.capture(state), { instanceOf: KeepstateError });
  t.deepEqual([error?.code, error?.pointer], ["OUT_OF_MEMORY", "/b/inner/0/many"]);
});

const broken = (): UnknownType => new UnknownType("Bad", "luck");

const holding: [name: string, state: unknown, pointer: string][] = [
  ["by itself", broken(), ""],
  ["under a key", { list: [1, { "a/b": broken() }] }, "/list/1/a~1b"],
  ["in a Map", [new Map<unknown, unknown>([["k", broken()]])], "/0/k"],
  ["under another key", [new Map<unknown, unknown>([[1, 2], [[], broken()]])], "/0/1"],
  ["in a Set", { s: new Set([1, [broken()]]) }, "/s/1/0"],
  ["in a value of a type", [0.5, new Holder({ x: broken() })], "/1/inner/x"],
  ["in an error", [new Error("x", { cause: [broken()] })], "/0/cause/0"],
  ["behind much", [Array.from({ length: 99 }, (_, n) => n / 3), [], /x/, { b: broken() }], "/3/b"],
];

for (const [name, state, pointer] of holding) {
  test(`a type that fails to decode is named with its place: ${name}`, (t) => {
    const own = new Types([holder, bad]);
    const bytes = encodeMsgpack(state, types);
    for (let round = 0; round < 2; round++) {
      const error = t.throws(() => decoder.decode(bytes, own), { instanceOf: KeepstateError });
      t.deepEqual([error?.code, error?.pointer], ["CODEC_FAILED", pointer]);
      t.regex(error?.message ?? "", /^The type "Bad" could not decode a value: no luck\. /);
      t.true(error?.cause instanceof RangeError);
      t.is(hex(decoder.decode(bytes)), hex(state));
    }
  });
}

test("a decode that answers later is an error", (t) => {
  const bytes = encodeMsgpack([new UnknownType("Bad", "promise")]);
  const error = t.throws(() => decoder.decode(bytes, new Types([bad])), {
    instanceOf: KeepstateError,
  });
  t.deepEqual([error?.code, error?.pointer], ["CODEC_FAILED", "/0"]);
});

test("a type may encode and decode states itself", (t) => {
  const inside: Type<Holder, Uint8Array> = {
    name: "inside",
    is: Holder,
    encode: ({ inner }) => encodeMsgpack(inner),
    decode: (bytes) => new Holder(new Decoder(tapeReader()).decode(bytes)),
  };
  const own = new Types([inside]);
  const state = [new Holder({ a: 1 }), { a: new Holder([2]) }];
  const back = decoder.decode(encodeMsgpack(state, own), own);
  t.is(difference(back, state), undefined);
});
