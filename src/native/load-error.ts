// Why the addon could not be loaded.

import { KeepstateError } from "../errors.js";

/** What the diagnosis found, as data. */
export type LoadReason =
  | "node-too-old"
  | "path-missing"
  | "not-built"
  | "unsupported-platform"
  | "other-platform"
  | "optional-omitted"
  | "package-missing"
  | "wrong-libc"
  | "glibc-too-old"
  | "wrong-arch"
  | "damaged"
  | "wrong-version"
  | "unknown";

/** One place that was tried, and how it failed. */
export interface Attempt {
  readonly path: string;
  readonly error: Error;
}

/** The native addon could not be loaded; `message` says why and what to do. */
export class NativeLoadError extends KeepstateError {
  /** What the diagnosis found. */
  readonly reason: LoadReason;
  /** Every place that was tried, in order, with its own error. */
  readonly tried: readonly Attempt[];

  constructor(message: string, details: { reason: LoadReason; attempts: readonly Attempt[] }) {
    const errors = details.attempts.map((attempt) => attempt.error);
    const several = errors.length > 1 && new AggregateError(errors, "No addon could be loaded.");
    super("NATIVE_LOAD", message, { cause: several || errors[0] });
    this.reason = details.reason;
    this.tried = details.attempts;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof KeepstateError && value.code === "NATIVE_LOAD";
  }
}

Object.defineProperty(NativeLoadError.prototype, "name", { value: "NativeLoadError" });

/** The addon is of another version than the package. */
export class VersionError extends Error {
  constructor(addon: string, own: string) {
    super(`The addon is of version ${addon}, the package of ${own}.`);
  }
}

/** The file is no whole library; loading it could kill the process. */
export class DamagedError extends Error {
  constructor() {
    super("It is no whole library.");
  }
}
