/** What a conformance case is, and what the cases have in common. */

import assert from "node:assert/strict";

import { type Code, KeepstateError } from "../errors.js";
import type { Entry, Found, Op, Store, Version } from "../ports/store.js";

/** One behaviour of the port, to be run as one test. */
export interface ConformanceCase {
  /** What must hold, as a sentence; stable, so that exceptions can name it. */
  readonly name: string;
  /** Why this store is allowed not to hold it. */
  readonly exception?: string | undefined;
  /** Opens a fresh store, tries, and closes it. Rejects where the behaviour does not hold. */
  run(): Promise<void>;
}

/** A behaviour, tried on a store that is empty and open. */
export type Try = (store: Store, open: () => Promise<Store>) => Promise<void>;

/** Named behaviours. */
export type Cases = Readonly<Record<string, Try>>;

/** Text as bytes. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What was found, as text, or undefined. */
export function text(found: Found | undefined): string | undefined {
  return found && new TextDecoder().decode(found.value);
}

/** The value of a key, as text. */
export async function read(store: Store, key: string): Promise<string | undefined> {
  return text(await store.get(key));
}

/** All entries of a listing. */
export async function collect(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const all: Entry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

/** The keys of a listing. */
export async function keys(entries: AsyncIterable<Entry>): Promise<string[]> {
  return (await collect(entries)).map((entry) => entry.key);
}

/** Fails unless the promise rejects with a KeepstateError of this code, which it gives. */
export async function refused(promise: Promise<unknown>, code: Code): Promise<KeepstateError> {
  const error = await promise.then(
    () => assert.fail(`it should have been refused with ${code}, but it succeeded`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KeepstateError, `${String(error)} is no KeepstateError`);
  assert.equal(error.code, code, error.message);
  assert.ok(error.message.length > 10, "the message says too little");
  return error;
}

/** `commit` of a store that has it. */
export async function commit(
  store: Store,
  batch: readonly Op[],
  signal?: AbortSignal,
): Promise<Version[]> {
  assert.ok(store.commit, "supports.commit is true, but there is no commit");
  return store.commit(batch, { signal });
}

/** A step that puts text. */
export function putting(key: string, value: string, rest: object = {}): Op {
  return { op: "put", key, value: bytes(value), ...rest };
}
