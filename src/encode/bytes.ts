import { KeepstateError } from "../errors.js";
import type { Encoding } from "./encoding.js";

/** Bytes as they are: for states that are encoded already. */
export const bytes: Encoding = {
  name: "bytes",
  encode(value: unknown): Uint8Array {
    if (value instanceof Uint8Array) return value.slice();
    const message = "The bytes encoding saves a Uint8Array. Give it one, or take another.";
    throw new KeepstateError("UNSUPPORTED_TYPE", message, { pointer: "" });
  },
  decode(stored: Uint8Array): unknown {
    return stored;
  },
};
