/** Exit codes, by the kind of error. docs/cli.md has the same table; a test compares them. */

import { type Code, KeepstateError } from "../errors.js";

/** Kinds of ends, and the codes of errors that belong to each. */
export const EXIT_CODES: readonly {
  readonly exit: number;
  readonly meaning: string;
  readonly codes: readonly Code[];
}[] = [
  { exit: 0, meaning: "success", codes: [] },
  { exit: 1, meaning: "a fault of Keepstate's own", codes: ["INTERNAL", "REENTERED", "FORKED"] },
  {
    exit: 2,
    meaning: "wrong use: arguments, references, configuration",
    codes: ["INVALID_ARGUMENT", "INVALID_CONFIG", "INVALID_REF"],
  },
  {
    exit: 3,
    meaning: "it does not exist",
    codes: ["NOT_FOUND", "BACKEND_NOT_FOUND", "PLUGIN_NOT_FOUND", "NO_BACKENDS"],
  },
  {
    exit: 4,
    meaning: "somebody else was first",
    codes: ["CONFLICT", "LEASE_LOST", "IDEMPOTENCY_MISMATCH", "PLUGIN_EXISTS", "BACKEND_EXISTS"],
  },
  {
    exit: 5,
    meaning: "stored bytes are damaged, foreign or too new",
    codes: ["CORRUPT", "HASH_MISMATCH", "NOT_OURS", "FORMAT_TOO_NEW", "SEAL_BROKEN", "KEY_UNKNOWN"],
  },
  {
    exit: 6,
    meaning: "this value, store or codec cannot do it",
    codes: [
      "NOT_JSON",
      "CYCLE",
      "TOO_DEEP",
      "UNSUPPORTED_TYPE",
      "VALIDATION",
      "KEY_TOO_LONG",
      "VALUE_TOO_LARGE",
      "UNSUPPORTED",
      "UNKNOWN_CODEC",
      "CODEC_FAILED",
    ],
  },
  {
    exit: 7,
    meaning: "not now: try again",
    codes: ["UNAVAILABLE", "TIMEOUT", "LOCKED", "LEASE_HELD"],
  },
  {
    exit: 8,
    meaning: "the system refused",
    codes: ["READ_ONLY", "PERMISSION", "DISK_FULL", "IO", "OUT_OF_MEMORY", "CLOSED"],
  },
  {
    exit: 9,
    meaning: "a part could not be loaded or started",
    codes: ["NATIVE_LOAD", "INIT_FAILED"],
  },
  { exit: 130, meaning: "interrupted", codes: ["ABORTED"] },
];

/** The exit code of a run that ended with this error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof KeepstateError)) return 1;
  return EXIT_CODES.find(({ codes }) => codes.includes(error.code))?.exit ?? 1;
}
