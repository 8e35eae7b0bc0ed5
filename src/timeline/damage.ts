/** Which failures say that stored bytes are not what they were. */

import { type Code, KeepstateError } from "../errors.js";

const DAMAGE: readonly Code[] = [
  "CORRUPT",
  "HASH_MISMATCH",
  "NOT_OURS",
  "FORMAT_TOO_NEW",
  "SEAL_BROKEN",
  "CODEC_FAILED",
];

/** Whether it is damage, and no failure of the call. */
export function isDamage(error: unknown): error is KeepstateError {
  return error instanceof KeepstateError && DAMAGE.includes(error.code);
}
