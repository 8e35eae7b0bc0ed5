// Proves that values become exactly the bytes of the vectors that Rust reads too, that they come
// back, and that what cannot be saved is named with its pointer.
import test from "ava";
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow } from "../../src/encode/shadow.js";
import { KeepstateError, type Code } from "../../src/errors.js";
import { difference } from "./compare.js";
import { fromMarked } from "./marked.js";
import { loadAddon } from "./native.js";

const { tapeReader } = loadAddon();
const decoder = new Decoder(tapeReader());

interface Vector {
  readonly name: string;
  readonly json: string;
  readonly hex: string;
}

const file = new URL("../../../test/vectors/msgpack.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vector[];

const hex = (value: unknown): string => Buffer.from(encodeMsgpack(value)).toString("hex");
const restored = (value: unknown): unknown => decoder.decode(encodeMsgpack(value));

for (const { name, json, hex: expected } of vectors) {
  test(`vector: ${name}`, (t) => {
    const value = fromMarked(JSON.parse(json));
    t.is(hex(value), expected);
    t.is(difference(decoder.decode(Buffer.from(expected, "hex")), value), undefined);
  });
}

test("values of other realms, null prototypes and Proxies are what they are", (t) => {
  const foreign = runInNewContext(
    "({ list: [1, [2]], date: new Date(5), map: new Map([[1, 2]]), set: new Set([1])," +
      " error: null, bytes: new Uint8Array([1]), re: /x/g, floats: new Float32Array([1]) })",
  ) as object;
  const own = {
    list: [1, [2]],
    date: new Date(5),
    map: new Map([[1, 2]]),
    set: new Set([1]),
    error: null,
    bytes: new Uint8Array([1]),
    re: /x/g,
    floats: new Float32Array([1]),
  };
  t.is(hex(foreign), hex(own));
  t.is(hex(new Proxy(own, {})), hex(own));
  t.is(hex({ list: new Proxy([1, 2], {}) }), hex({ list: [1, 2] }));
  t.is(hex(Object.assign(Object.create(null), own)), hex(own));
});

test("a class says by toJSON what it is, else its own properties do", (t) => {
  class Plain {
    a = 1;
    #hidden = 2;
    get hidden(): number {
      return this.#hidden;
    }
  }
  class Converted {
    toJSON(): unknown {
      return { a: 1 };
    }
  }
  t.is(hex(new Plain()), hex({ a: 1 }));
  t.is(hex(new Converted()), hex({ a: 1 }));
  t.is(hex({ x: 1, toJSON: () => [2] }), hex([2]));
  t.is(hex(new URL("https://example.org/")), hex("https://example.org/"));
  const boxed = [new Number(5), new String("s"), new Boolean(false), Object(7n)];
  t.is(hex(boxed), hex([5, "s", false, 7n]));
});

test("polluted prototypes change nothing", (t) => {
  const before = hex({ a: { b: 1 } });
  const shadow = new Shadow();
  shadow.capture({ a: { b: 1 } });
  Object.assign(Object.prototype, { polluted: 1 });
  try {
    t.is(hex({ a: { b: 1 } }), before);
    t.is(shadow.capture({ a: { b: 1 } }).size, before.length / 2);
  } finally {
    delete (Object.prototype as { polluted?: number }).polluted;
  }
});

test("errors come back with class, cause and properties", (t) => {
  const error = Object.assign(new RangeError("no", { cause: { code: 1 } }), { path: "/x" });
  const back = restored(error) as RangeError & { path: string };
  t.true(back instanceof RangeError);
  const parts = [back.message, back.stack, back.cause, back.path];
  t.deepEqual(parts, ["no", error.stack, { code: 1 }, "/x"]);
  class Odd extends Error {
    override name = "Odd";
  }
  t.is((restored(new Odd("x")) as Error).name, "Odd");
  const many = restored(new AggregateError([new Error("a")], "many")) as AggregateError;
  t.is((many.errors[0] as Error).message, "a");
});

test("prototypes are not touched by what is restored", (t) => {
  const evil = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1}}') as object;
  const back = restored(evil) as Record<string, unknown>;
  t.is(Object.getPrototypeOf(back), Object.prototype);
  t.deepEqual(Object.keys(back), ["__proto__", "constructor"]);
  t.is(({} as { admin?: boolean }).admin, undefined);
});

const cyclic = (): unknown => {
  const a: Record<string, unknown> = { list: [1] };
  a["b"] = { c: [a] };
  return { top: a };
};
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
};
const shared = (): unknown => {
  let value: unknown = [1];
  for (let i = 0; i < 50; i++) value = [value, value];
  return { ok: 1, bomb: value };
};
const sparse = (): unknown => {
  const list: number[] = [];
  list[3e9] = 1;
  return { list };
};

const refused: readonly (readonly [string, () => unknown, Code, string | RegExp])[] = [
  ["a function", () => ({ a: [1, { b: () => 1 }] }), "UNSUPPORTED_TYPE", "/a/1/b"],
  ["a symbol", () => ({ "a/b": { "~": Symbol("x") } }), "UNSUPPORTED_TYPE", "/a~1b/~0"],
  ["a promise", () => [Promise.resolve()], "UNSUPPORTED_TYPE", "/0"],
  ["a WeakMap", () => new Map([["k", new WeakMap()]]), "UNSUPPORTED_TYPE", "/k"],
  ["a Proxy of a Map", () => new Proxy(new Map(), {}), "UNSUPPORTED_TYPE", ""],
  ["a built-in object", () => ({ u: new URLSearchParams("a=1") }), "UNSUPPORTED_TYPE", "/u"],
  ["a generator", () => [(function* () {})()], "UNSUPPORTED_TYPE", "/0"],
  ["shared memory", () => [new SharedArrayBuffer(1)], "UNSUPPORTED_TYPE", "/0"],
  ["mostly holes", sparse, "UNSUPPORTED_TYPE", "/list"],
  ["a cycle", cyclic, "CYCLE", "/top/b/c/0"],
  ["too deep", () => ({ d: deep(1000) }), "TOO_DEEP", /^\/d(\/0){999}$/],
  ["exponential sharing", shared, "OUT_OF_MEMORY", /^\/bomb/],
];

for (const [name, make, code, pointer] of refused) {
  test(`refused with its pointer: ${name}`, (t) => {
    const shadow = new Shadow();
    shadow.capture({ a: 1 });
    for (const encode of [encodeMsgpack, (value: unknown) => shadow.capture(value)]) {
      const error = t.throws(() => encode(make()), { instanceOf: KeepstateError });
      t.is(error?.code, code);
      if (typeof pointer === "string") t.is(error?.pointer, pointer);
      else t.regex(error?.pointer ?? "", pointer);
    }
    t.is(shadow.capture({ a: 1 }).edits, undefined);
  });
}

test("a thousand levels are saved and restored", (t) => {
  t.is(hex(restored(deep(1000))), hex(deep(1000)));
  const maps = (levels: number): unknown => (levels === 0 ? 1 : new Map([[1, maps(levels - 1)]]));
  t.is(hex(restored(maps(1000))), hex(maps(1000)));
});

test("damaged bytes are CORRUPT with their offset", (t) => {
  const bytes = encodeMsgpack({ a: ["text", new Date(0), new Map([[1, 2]])] });
  for (let length = 0; length < bytes.length; length++) {
    const part = bytes.subarray(0, length);
    const error = t.throws(() => decoder.decode(part), { instanceOf: KeepstateError });
    t.is(error?.code, "CORRUPT");
    t.is(typeof error?.offset, "number");
  }
});

test("a restored value is the caller's: later restores and the bytes do not change it", (t) => {
  const bytes = encodeMsgpack({ bytes: new Uint8Array([1, 2]), text: "é".repeat(20) });
  const first = decoder.decode(bytes) as { bytes: Uint8Array; text: string };
  bytes.fill(0);
  decoder.decode(encodeMsgpack({ text: "ü".repeat(20) }));
  t.deepEqual([...first.bytes], [1, 2]);
  t.is(first.text, "é".repeat(20));
});
