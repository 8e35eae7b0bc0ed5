// Error records of the addon become thrown KeepstateErrors here, on the caller's stack.

import { CODES, KeepstateError, type Code } from "../errors.js";
import type { NativeErrorRecord, Outcome, Soon } from "./addon.js";

/** Whether the addon gave what failed instead of a value. */
export function failed(outcome: unknown): outcome is NativeErrorRecord {
  return typeof outcome === "object" && outcome !== null && "error" in outcome;
}

/** The value, or throws what failed. */
export function value<T>(outcome: Outcome<T>): T {
  if (failed(outcome)) throw raised(outcome, value);
  return outcome;
}

/** The value that the call gave or will give, or rejects with what failed. */
export async function settled<T>(soon: Soon<T>): Promise<T> {
  const outcome = await soon;
  // Behind an await this function is the lowest frame that there is: its async callers follow.
  if (failed(outcome)) throw raised(outcome);
  return outcome;
}

/** The KeepstateError of a record; its stack begins where `below` was called. */
export function raised(
  { error }: NativeErrorRecord,
  below: (...values: never[]) => unknown = raised,
): KeepstateError {
  const { code, message, cause, retryable: _, ...place } = error;
  const known = Object.hasOwn(CODES, code) ? (code as Code) : "INTERNAL";
  const result = new KeepstateError(known, message, { ...place, cause: causes(cause) });
  captureDeep(result, below);
  return result;
}

/** Our own frames come first; as many more are kept, so that the caller's are always there. */
function captureDeep(error: Error, below: (...values: never[]) => unknown): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = limit * 2;
  Error.captureStackTrace(error, below);
  Error.stackTraceLimit = limit;
}

/** A chain of plain errors, outermost first. */
function causes(texts: readonly string[]): Error | undefined {
  return texts.reduceRight<Error | undefined>(
    (inner, text) => new Error(text, inner && { cause: inner }),
    undefined,
  );
}
