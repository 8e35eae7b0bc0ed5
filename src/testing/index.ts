/**
 * `keepstate/testing`: the conformance suite of the Store port, for whoever writes a store.
 *
 *     import test from "node:test";
 *     import { conformance } from "keepstate/testing";
 *
 *     for (const { name, run } of conformance(() => new MyStore())) test(name, run);
 *
 * It needs no test framework: each case is a name and a function that rejects where the behaviour
 * does not hold.
 */

import assert from "node:assert/strict";

import { KeepstateError } from "../errors.js";
import type { Store } from "../ports/store.js";
import { suggest } from "../suggest.js";
import { batches } from "./batches.js";
import { conditions } from "./conditions.js";
import { lifecycle } from "./lifecycle.js";
import { listing } from "./listing.js";
import type { Cases, ConformanceCase, Try } from "./suite.js";
import { values } from "./values.js";
import { watching } from "./watching.js";

export type { ConformanceCase } from "./suite.js";

/** A behaviour that a store is allowed not to hold, and why. */
export interface Exception {
  /** The name of the case. */
  readonly test: string;
  readonly reason: string;
}

/** Options of `conformance`. */
export interface ConformanceOptions {
  readonly exceptions?: readonly Exception[];
}

const CASES: Cases = {
  ...values,
  ...conditions,
  ...listing,
  ...batches,
  ...lifecycle,
  ...watching,
};

/**
 * The cases, in order. `open` gives a fresh and empty store at each call. A case that is listed as
 * an exception passes only while the store does not hold it, so that the list cannot grow stale.
 */
export function conformance(
  open: () => Store | Promise<Store>,
  { exceptions = [] }: ConformanceOptions = {},
): ConformanceCase[] {
  const reasons = new Map(exceptions.map(({ test, reason }) => [test, reason]));
  for (const [test, reason] of reasons) checkException(test, reason);
  return Object.entries(CASES).map(([name, attempt]) => {
    const exception = reasons.get(name);
    const run = async (): Promise<void> => onFreshStore(open, attempt);
    return { name, exception, run: exception === undefined ? run : () => mustFail(run, name) };
  });
}

function checkException(test: string, reason: string): void {
  if (!Object.hasOwn(CASES, test)) {
    const near = suggest(test, Object.keys(CASES));
    const message = `No conformance case is named ${JSON.stringify(test)}.${near}`;
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  if (reason) return;
  throw new KeepstateError("INVALID_ARGUMENT", `The exception ${test} needs a reason.`);
}

async function onFreshStore(open: () => Store | Promise<Store>, attempt: Try): Promise<void> {
  const store = await open();
  try {
    await attempt(store, async () => open());
  } finally {
    await store.close();
  }
}

async function mustFail(run: () => Promise<void>, name: string): Promise<void> {
  const failed = await run().then(
    () => false,
    () => true,
  );
  assert.ok(failed, `The store does hold: ${name}. Remove the exception.`);
}
