// Proves that restored values are exact where the tape takes a short cut: arrays of numbers, slices
// of long strings, shapes that are told once, and what an error leaves behind.
import test from "ava";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { KeepstateError } from "../../src/errors.js";
import { difference } from "./compare.js";
import { loadAddon } from "./native.js";

const { tapeReader } = loadAddon();

const numbers = [0.5, -0, NaN, Infinity, 1, -129, 1024, 2 ** 31, 2 ** 40, 1e300];
const long = (length: number, text: string): string => text.repeat(length / text.length);
const texts = [0, 1, 12, 13, 24, 25, 31, 32, 255, 256, 49_151, 49_152, 49_153, 70_000];

const states: readonly (readonly [string, unknown])[] = [
  ["arrays of float64", [numbers, [...numbers, null], [numbers, numbers], numbers.slice(0, 3)]],
  ["many float64", Array.from({ length: 50_000 }, (_, n) => n / 7)],
  ["holes among numbers", [[0.5, , 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, , 7.5, ,]]],
  ["all small integers and their neighbours", Array.from({ length: 3000 }, (_, n) => n - 1500)],
  ["ascii of all lengths", texts.map((length) => long(length, "a"))],
  ["latin of all lengths", texts.map((length) => `\u00e9${long(length, "b")}`)],
  ["wide of all lengths", texts.map((length) => `${long(length, "c")}\u{1f600}`)],
  ["texts in turn", texts.map((n) => [`${n}`, `\u00ff${n}`, `\u0100${n}`, long(n, "d"), "d"])],
  ["zeros in short texts", ["", "\0", "\0\0", "a", "a\0", "\0a", "a".repeat(24), "a".repeat(23)]],
  ["everything in one", { a: [{ b: new Map([[{}, new Set([[]])]]) }], c: new Date(NaN), d: [[]] }],
  ["bytes of all sizes", [new Uint8Array(0), new Uint8Array(70_000).fill(7), new Float64Array(3)]],
  ["more values than one step", Array.from({ length: 70_000 }, (_, n) => ({ n: `${n}` }))],
];

for (const [name, state] of states) {
  test(`exact: ${name}`, (t) => {
    const decoder = new Decoder(tapeReader());
    const bytes = encodeMsgpack(state);
    for (let round = 0; round < 3; round += 1) {
      t.is(difference(decoder.decode(bytes), state), undefined);
      t.is(decoder.decode(encodeMsgpack(round)), round);
    }
  });
}

test("objects keep their shapes from state to state, whatever is between", (t) => {
  const decoder = new Decoder(tapeReader());
  const of = (n: number): unknown =>
    Array.from({ length: 20 }, (_, i) => ({ id: i, [`key ${i % (n + 1)}`]: { n, list: [{ n }] } }));
  for (let n = 0; n < 40; n += 1) {
    const damaged = encodeMsgpack([{ [`new ${n}`]: 1, other: n }, of(n)]).subarray(0, -1);
    t.throws(() => decoder.decode(damaged), { instanceOf: KeepstateError, code: "CORRUPT" });
    t.is(difference(decoder.decode(encodeMsgpack(of(n))), of(n)), undefined);
    t.is(difference(decoder.decode(encodeMsgpack(of(n % 3))), of(n % 3)), undefined);
  }
});

test("objects whose keys are data come back, and the shapes of others after them", (t) => {
  const decoder = new Decoder(tapeReader());
  const plain = [{ role: "user", content: "x" }];
  for (let round = 0; round < 3; round += 1) {
    const entries = Array.from({ length: 20_000 }, (_, n) => [`${round} ${n}`, n] as const);
    const each = entries.slice(0, 2000).map(([key, n]) => ({ [key]: n }));
    for (const state of [plain, { all: Object.fromEntries(entries), each }, plain]) {
      t.is(difference(decoder.decode(encodeMsgpack(state)), state), undefined);
    }
  }
});

test("a value that cannot be built is an error, and the next one comes back", (t) => {
  const decoder = new Decoder(tapeReader());
  const good = { a: { b: [1, "two"] } };
  // A RegExp of "(", one of a number, one of nothing; an Error of a number.
  const wrong = ["c7045292a128a0", "d45201", "d45290", "d44501"];
  for (const hex of wrong) {
    const bytes = Buffer.from(hex, "hex");
    t.throws(() => decoder.decode(bytes), { instanceOf: KeepstateError, code: "CORRUPT" });
    t.is(difference(decoder.decode(encodeMsgpack(good)), good), undefined);
  }
});

test("maps of other languages are Maps, with the keys that came before", (t) => {
  const decoder = new Decoder(tapeReader());
  const bytes = Buffer.from("9283a16181a162c3" + "02a163" + "a16492c0c2" + "81a16181a162c3", "hex");
  const map = new Map<unknown, unknown>([
    ["a", { b: true }],
    [2, "c"],
    ["d", [null, false]],
  ]);
  for (let round = 0; round < 2; round += 1) {
    t.is(difference(decoder.decode(bytes), [map, { a: { b: true } }]), undefined);
  }
});
