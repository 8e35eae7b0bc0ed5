// References: every name survives the way into text and back, and what is wrong is said.

import test from "ava";

import { KeepstateError } from "../../src/errors.js";
import {
  formatName,
  formatReference,
  formatSelector,
  parseOwn,
  parseReference,
  parseSelector,
  timelineName,
} from "../../src/timeline/reference.js";

test("a reference is taken apart", (t) => {
  const name = { agent: "planner", session: "run-42" };
  t.deepEqual(parseReference("planner/run-42"), name);
  t.deepEqual(parseReference("planner/run-42@17"), { ...name, at: { sequence: 17 } });
  t.deepEqual(parseReference("planner/run-42@latest"), { ...name, at: { latest: true } });
  t.deepEqual(parseReference("planner/run-42#good"), { ...name, at: { tag: "good" } });
  t.deepEqual(parseReference("planner/run-42@tag:good"), { ...name, at: { tag: "good" } });
  t.deepEqual(parseReference("a%2Fb/c%40d#e%23"), { agent: "a/b", session: "c@d", at: { tag: "e#" } });
  t.deepEqual(parseReference("caf%C3%A9/\u{1f600}"), { agent: "caf\u00e9", session: "\u{1f600}" });
});

test("any name survives", (t) => {
  for (const odd of ["a", "a/b", "@1", "#x", "%2F", " ", "\n", "\u00e4\u{1f600}", "latest", "..", "\0"]) {
    const name = { agent: odd, session: `${odd}/${odd}` };
    t.deepEqual(timelineName(formatName(name)), name);
    t.deepEqual(parseReference(formatReference(name, { sequence: 3 })), { ...name, at: { sequence: 3 } });
    if (odd === "latest") continue;
    t.deepEqual(parseSelector(formatSelector({ tag: odd })), { tag: odd });
  }
});

test("a timeline's own methods take the part after the name, or the whole", (t) => {
  const own = { agent: "a", session: "b" };
  t.deepEqual(parseOwn(undefined, own), { latest: true });
  t.deepEqual(parseOwn("@3", own), { sequence: 3 });
  t.deepEqual(parseOwn("#x", own), { tag: "x" });
  t.deepEqual(parseOwn("a/b@3", own), { sequence: 3 });
  t.deepEqual(parseOwn("a/b", own), { latest: true });
});

const wrong: [reference: string, says: RegExp][] = [
  ["", /empty text.*agent\/session/i],
  ["planner", /must be agent\/session/],
  ["a/b/c", /slash within a name is written %2F/],
  ["/b", /agent's name.*empty/],
  ["a/", /session's name.*empty/],
  ["a/b@", /number from 1, or latest/],
  ["a/b@0", /number from 1/],
  ["a/b@01", /number from 1/],
  ["a/b@-1", /number from 1/],
  ["a/b@1e3", /number from 1/],
  ["a/b@9999999999999", /number from 1/],
  ["a/b@Latest", /number from 1, or latest/],
  ["a/b#", /tag's name is empty/],
  ["a/b#latest", /latest is reserved/],
  ["a/b@3#x", /percent-encoded/],
  ["a/b#x/y", /percent-encoded/],
  ["a/100%", /two hex digits/],
  ["a/%FF", /two hex digits of UTF-8/],
  ["a/\ud800", /two hex digits of UTF-8|surrogate/],
];

for (const [reference, says] of wrong) {
  test(`${JSON.stringify(reference)} is INVALID_REF and says why`, (t) => {
    const error = t.throws(() => parseReference(reference));
    t.true(error instanceof KeepstateError);
    t.like(error, { code: "INVALID_REF" });
    t.regex(error?.message ?? "", says);
  });
}

test("a name in parts must be two non-empty texts", (t) => {
  for (const name of [{ agent: "", session: "b" }, { agent: "a", session: "x\udc00" }]) {
    t.like(t.throws(() => timelineName(name)), { code: "INVALID_REF" });
  }
  t.like(t.throws(() => timelineName("a/b@3")), { code: "INVALID_REF" });
  t.like(t.throws(() => parseOwn("x/y@3", { agent: "a", session: "b" })), { code: "INVALID_REF" });
});
