/**
 * Standard Schema: one small interface that validators agree on (standardschema.dev), so that any
 * of them can be given.
 */

import { KeepstateError } from "../errors.js";
import { formatPointer } from "../patch/pointer.js";

/** What a validator offers under `~standard`. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Verdict<Output> | Promise<Verdict<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a validator says of a value: the value as it understood it, or what is wrong. */
export type Verdict<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

/** One thing that is wrong, and where. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The value as the schema understood it, or VALIDATION with the pointer of the first issue. */
export function accept<Output>(verdict: Verdict<Output>, what: string): Output {
  if (verdict.issues === undefined) return verdict.value;
  const issues = verdict.issues.map(describe);
  const pointer = issues[0]?.pointer ?? "";
  const list = issues.map((issue) => `${issue.pointer || "the whole value"}: ${issue.message}`);
  const message = `${what} does not match its schema at ${list.join("; at ")}.`;
  throw new KeepstateError("VALIDATION", message, { pointer });
}

function describe(issue: Issue): { pointer: string; message: string } {
  const tokens = (issue.path ?? []).map((part) =>
    String(typeof part === "object" ? part.key : part),
  );
  return { pointer: formatPointer(tokens), message: issue.message.replace(/\.$/, "") };
}
