/** What the calls of a timeline take, and how it is checked. */

import { KeepstateError } from "../errors.js";
import { suggest } from "../suggest.js";

/** What every call that waits takes. */
export interface SignalOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a save may be given beside the state. */
export interface SaveOptions extends SignalOptions {
  /** A few words for people. */
  readonly label?: string | undefined;
  /** Free text. */
  readonly description?: string | undefined;
  /** Anything that MessagePack can hold, by name. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** The version of the state's schema, in words of your own. */
  readonly schemaVersion?: string | undefined;
  /** The same key again is the same snapshot; with another state it is IDEMPOTENCY_MISMATCH. */
  readonly idempotencyKey?: string | undefined;
  /** Save only if this snapshot is the latest, as `@17`; else it is CONFLICT. */
  readonly onto?: string | undefined;
}

/** Which snapshots `list` tells of, in which order. */
export interface SnapshotListOptions extends SignalOptions {
  /** Only numbers greater than this. */
  readonly after?: number | undefined;
  /** Only numbers smaller than this. */
  readonly before?: number | undefined;
  /** At most so many. */
  readonly limit?: number | undefined;
  /** The newest first. */
  readonly reverse?: boolean | undefined;
  /** Only those that a tag names; a text: one of this name, where `*` stands for any text. */
  readonly tagged?: boolean | string | undefined;
}

/** Refuses options that a call does not know: a slip must not change what it does. */
export function checkKnown(call: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw invalid(`${call} takes an object of options, not ${String(options)}.`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw invalid(`${call} has no option ${name}.${suggest(name, known)}`);
  }
}

/** Refuses what is no whole number from `least` on. What is undefined was not given. */
export function checkNumbers(
  options: Readonly<Record<string, number | undefined>>,
  least: number = 0,
): void {
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined || (Number.isSafeInteger(given) && given >= least)) continue;
    throw invalid(`${name} must be a whole number from ${least}, not ${String(given)}.`);
  }
}

/** Refuses what is neither true nor false. What is undefined was not given. */
export function checkSwitches(options: Readonly<Record<string, unknown>>): void {
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined || typeof given === "boolean") continue;
    throw invalid(`${name} must be true or false, not ${String(given)}.`);
  }
}

/** Refuses what is no well-formed text. */
export function checkText(text: unknown, what: string): asserts text is string {
  if (typeof text === "string" && text.isWellFormed()) return;
  throw invalid(`${what} must be well-formed text, not ${String(text)}.`);
}

/** INVALID_ARGUMENT. */
export function invalid(message: string): KeepstateError {
  return new KeepstateError("INVALID_ARGUMENT", message);
}

/** Options without those that are undefined: what was not given. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
