// Proves that the json and bytes encodings hold exactly what they say, and refuse everything else.
import test from "ava";
import { bytes } from "../../src/encode/bytes.js";
import { json } from "../../src/encode/json.js";
import { KeepstateError } from "../../src/errors.js";

test("json comes back", (t) => {
  const value = { a: [1, -1.5, "é\ud800", null, true, { b: [] }], __proto__: null };
  t.deepEqual(json.decode(json.encode(value)), { a: value.a });
  const own = JSON.parse('{"__proto__":1}') as object;
  t.deepEqual(Object.keys(json.decode(json.encode(own)) as object), ["__proto__"]);
});

const refused: readonly (readonly [unknown, string])[] = [
  [undefined, ""],
  [{ a: undefined }, "/a"],
  [[1, , 2], "/1"],
  [{ n: NaN }, "/n"],
  [{ zero: -0 }, "/zero"],
  [{ b: 1n }, "/b"],
  [{ d: new Date(0) }, "/d"],
  [{ m: new Map() }, "/m"],
  [{ s: new Set() }, "/s"],
  [{ e: new Error("x") }, "/e"],
  [{ u: new Uint8Array(1) }, "/u"],
  [{ f: () => 1 }, "/f"],
  [{ a: [Symbol("x")] }, "/a/0"],
];

for (const [value, pointer] of refused) {
  test(`json refuses ${pointer === "" ? "undefined" : pointer}`, (t) => {
    const error = t.throws(() => json.encode(value), { instanceOf: KeepstateError });
    t.deepEqual([error?.code, error?.pointer], ["NOT_JSON", pointer]);
  });
}

test("json names cycles, and damage", (t) => {
  const loop: unknown[] = [];
  loop.push({ loop });
  const error = t.throws(() => json.encode(loop), { instanceOf: KeepstateError });
  t.deepEqual([error?.code, error?.pointer], ["CYCLE", "/0/loop"]);
  for (const text of ["{", "\xff"]) {
    const damaged = Buffer.from(text, "latin1");
    const damage = t.throws(() => json.decode(damaged), { instanceOf: KeepstateError });
    t.is(damage?.code, "CORRUPT");
  }
});

test("bytes are copied, and nothing else is taken", (t) => {
  const given = new Uint8Array([1, 2]);
  const saved = bytes.encode(given);
  given[0] = 9;
  t.deepEqual([...(bytes.decode(saved) as Uint8Array)], [1, 2]);
  const error = t.throws(() => bytes.encode("text"), { instanceOf: KeepstateError });
  t.is(error?.code, "UNSUPPORTED_TYPE");
});
