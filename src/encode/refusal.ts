import type { Code } from "../errors.js";

/**
 * Why the hot path gave up. It carries no pointer, because the hot path keeps none: whoever catches
 * it walks the value again, slowly, and finds the place (`locate.ts`).
 */
export class Refusal extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The sentence for a value that cannot be saved; `what` names its kind. */
export function unsupported(what: string): Refusal {
  return new Refusal(
    "UNSUPPORTED_TYPE",
    `${what} cannot be saved. Remove it from the state, or give its class a toJSON().`,
  );
}

/** The state takes more bytes than a save may. */
export function tooLarge(limit: number): Refusal {
  return new Refusal(
    "OUT_OF_MEMORY",
    `The state takes more than ${limit} bytes. ` +
      "Look for an object that is referred to many times, or raise limits.bytes.",
  );
}
