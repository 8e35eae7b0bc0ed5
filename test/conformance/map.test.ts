// The conformance suite passes on a store that a user wrote in plain TypeScript, and bites.

import test from "ava";

import { KeepstateError } from "../../src/errors.js";
import type { Found, Store } from "../../src/ports/store.js";
import { conformance } from "../../src/testing/index.js";
import { MapStore } from "../fixtures/map-store.js";

for (const { name, run } of conformance(() => new MapStore())) {
  test(name, async (t) => {
    await t.notThrowsAsync(run);
  });
}

const without = { commit: false };
for (const { name, run } of conformance(() => new MapStore({ supports: without }))) {
  test(`without commit: ${name}`, async (t) => {
    await t.notThrowsAsync(run);
  });
}

class Forgetful extends MapStore {
  override async get(key: string): Promise<Found | undefined> {
    const found = await super.get(key);
    return found && { ...found, value: found.value.slice(1) };
  }
}

test("a store that lies fails the suite", async (t) => {
  const cases = conformance((): Store => new Forgetful());
  const ends = await Promise.allSettled(cases.map(({ run }) => run()));
  const failed = cases.filter((_, i) => ends[i]?.status === "rejected").map(({ name }) => name);
  t.true(failed.includes("a value comes back as it was put"));
  t.true(failed.includes("a range is a part of the value"));
  t.false(failed.includes("close twice is no error"));
});

test("an exception passes only while it is needed", async (t) => {
  const exceptions = [{ test: "a range is a part of the value", reason: "it is forgetful" }];
  const of = (open: () => Store): Promise<void> | undefined =>
    conformance(open, { exceptions }).find(({ exception }) => exception)?.run();
  await t.notThrowsAsync(of(() => new Forgetful()) ?? Promise.reject());
  await t.throwsAsync(of(() => new MapStore()) ?? Promise.resolve(), {
    message: /Remove the exception/,
  });
});

test("an exception that names no case is refused, with the nearest name", (t) => {
  const exceptions = [{ test: "close twice is no eror", reason: "a slip" }];
  const error = t.throws(() => conformance(() => new MapStore(), { exceptions }));
  t.true(error instanceof KeepstateError);
  t.regex(error?.message ?? "", /Did you mean close twice is no error\?/);
});
