// Patches: diff gives a small RFC 6902 patch, and applying it gives exactly the other value.

import test from "ava";

import { KeepstateError } from "../../src/errors.js";
import { apply, valueAt } from "../../src/patch/apply.js";
import { diff, type Operation } from "../../src/patch/diff.js";
import { sameValue } from "../../src/patch/equal.js";
import { formatPointer, parsePointer } from "../../src/patch/pointer.js";

const cases: [name: string, before: unknown, after: unknown, patch: Operation[]][] = [
  ["equal values", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
  ["a member", { a: 1 }, { a: 2 }, [{ op: "replace", path: "/a", value: 2 }]],
  ["keys come and go", { a: 1, c: 0 }, { c: 0, b: 2 }, [
    { op: "remove", path: "/a" },
    { op: "add", path: "/b", value: 2 },
  ]],
  ["escaped keys", { "a/b": 1, "m~n": 1 }, { "a/b": 2, "m~n": 2 }, [
    { op: "replace", path: "/a~1b", value: 2 },
    { op: "replace", path: "/m~0n", value: 2 },
  ]],
  ["an append", [1, 2], [1, 2, 3, 4], [
    { op: "add", path: "/2", value: 3 },
    { op: "add", path: "/3", value: 4 },
  ]],
  ["a sliding window", [1, 2, 3, 4], [2, 3, 4, 5], [
    { op: "remove", path: "/0" },
    { op: "add", path: "/3", value: 5 },
  ]],
  ["an insert at the front", [{ id: 1 }, { id: 2 }], [{ id: 0 }, { id: 1 }, { id: 2 }], [
    { op: "add", path: "/0", value: { id: 0 } },
  ]],
  ["a change inside an element", [{ id: 1, n: 1 }, 7], [{ id: 1, n: 2 }, 7], [
    { op: "replace", path: "/0/n", value: 2 },
  ]],
  ["another kind", { a: [1] }, { a: { 0: 1 } }, [{ op: "replace", path: "/a", value: { 0: 1 } }]],
  ["nothing in common", { a: 1 }, { b: 1 }, [{ op: "replace", path: "", value: { b: 1 } }]],
  ["minus zero", { a: 0 }, { a: -0 }, [{ op: "replace", path: "/a", value: -0 }]],
  ["a date", { at: new Date(1) }, { at: new Date(2) }, [
    { op: "replace", path: "/at", value: new Date(2) },
  ]],
  ["undefined is not absent", {}, { a: undefined }, [{ op: "add", path: "/a", value: undefined }]],
];

for (const [name, before, after, patch] of cases) {
  test(`diff: ${name}`, (t) => {
    const found = diff(before, after);
    t.deepEqual(found, patch);
    t.true(sameValue(apply(before, found), after));
  });
}

test("a random value is reached from any other, and the first is never changed", (t) => {
  let seed = 7;
  const draw = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const value = (depth: number): unknown => {
    const kind = draw(depth > 0 ? 9 : 6);
    if (kind < 6) return [draw(3), `s${draw(3)}`, null, true, new Date(draw(3)), undefined][kind];
    if (kind === 6) return Object.fromEntries(keys().map((key) => [key, value(depth - 1)]));
    return Array.from({ length: draw(6) }, () => value(depth - 1));
  };
  const keys = (): string[] => Array.from({ length: draw(4) }, () => `k~/${draw(5)}`);
  for (let i = 0; i < 3000; i++) {
    const [before, after] = [value(4), value(4)];
    const copy = structuredClone(before);
    const patch = diff(before, after);
    t.true(sameValue(apply(before, patch), after), JSON.stringify({ before, after, patch }));
    t.true(sameValue(before, copy));
  }
});

test("a long array that differs everywhere still ends, and rightly", (t) => {
  const before = Array.from({ length: 5000 }, (_, i) => i);
  const after = Array.from({ length: 5000 }, (_, i) => i + 10_000);
  t.deepEqual(apply(before, diff(before, after)), after);
});

test("apply knows every operation of RFC 6902", (t) => {
  const value = { a: { b: [1, 2] }, c: 3 };
  const patch: Operation[] = [
    { op: "test", path: "/c", value: 3 },
    { op: "add", path: "/a/b/-", value: 9 },
    { op: "copy", from: "/a/b", path: "/d" },
    { op: "move", from: "/c", path: "/a/c" },
    { op: "replace", path: "/a/b/0", value: 0 },
    { op: "remove", path: "/d/1" },
  ];
  t.deepEqual(apply(value, patch), { a: { b: [0, 2, 9], c: 3 }, d: [1, 9] });
  t.deepEqual(value, { a: { b: [1, 2] }, c: 3 });
  t.deepEqual(apply(value, [{ op: "replace", path: "", value: 1 }]), 1);
  t.is(valueAt(value, "/a/b/1"), 2);
});

test("__proto__ is a key like any other", (t) => {
  const after = apply(JSON.parse('{"a":1}'), [{ op: "add", path: "/__proto__", value: { x: 1 } }]);
  t.deepEqual(Object.keys(after as object), ["a", "__proto__"]);
  t.is((after as { x?: number }).x, undefined);
  const inner = apply(after, [{ op: "add", path: "/__proto__/y", value: 2 }]);
  t.deepEqual(Object.keys(inner as object), ["a", "__proto__"]);
  t.deepEqual(valueAt(inner, "/__proto__"), { x: 1, y: 2 });
});

const refused: [name: string, patch: Operation[], code: string, pointer: string][] = [
  ["a missing member", [{ op: "remove", path: "/x" }], "NOT_FOUND", "/x"],
  ["a missing parent", [{ op: "add", path: "/x/y", value: 1 }], "NOT_FOUND", "/x/y"],
  ["an index behind the end", [{ op: "add", path: "/a/3", value: 1 }], "NOT_FOUND", "/a/3"],
  ["an index with a zero before", [{ op: "remove", path: "/a/00" }], "NOT_FOUND", "/a/00"],
  ["a failed test", [{ op: "test", path: "/a/0", value: 5 }], "CONFLICT", "/a/0"],
  ["a move into itself", [{ op: "move", from: "/a", path: "/a/b" }], "INVALID_ARGUMENT", "/a/b"],
  ["removing everything", [{ op: "remove", path: "" }], "INVALID_ARGUMENT", ""],
  ["a pointer without slash", [{ op: "remove", path: "a" }], "INVALID_ARGUMENT", "a"],
  ["a bad escape", [{ op: "remove", path: "/~2" }], "INVALID_ARGUMENT", "/~2"],
];

for (const [name, patch, code, pointer] of refused) {
  test(`apply refuses ${name}`, (t) => {
    const error = t.throws(() => apply({ a: [1] }, patch));
    t.true(error instanceof KeepstateError);
    t.like(error, { code, pointer });
  });
}

test("pointers are taken apart and put together", (t) => {
  t.deepEqual(parsePointer(""), []);
  t.deepEqual(parsePointer("/"), [""]);
  t.deepEqual(parsePointer("/a~1b/~01/0"), ["a/b", "~1", "0"]);
  t.is(formatPointer(["a/b", "~1", 0]), "/a~1b/~01/0");
});
