import { KeepstateError } from "../errors.js";
import { classify } from "./classify.js";
import { Encoder } from "./encoder.js";
import { locate } from "./locate.js";
import { Refusal } from "./refusal.js";
import { isSparse } from "./rich.js";
import { NO_KEYS } from "./shape.js";
import { NO_TYPES, type Types } from "./types.js";

// Encoders that no encode is using: one is taken while another is at work (a getter that encodes).
const idle: Encoder[] = [];

/** The MessagePack of a value, whole; docs/encoding.md has the form of each type. */
export function encodeMsgpack(value: unknown, types: Types = NO_TYPES): Uint8Array {
  const encoder = idle.pop() ?? new Encoder();
  try {
    encoder.types = types;
    encoder.begin();
    encoder.value(value, NO_KEYS);
    return encoder.out.copy(0);
  } catch (error) {
    throw explain(error, value, types);
  } finally {
    encoder.end();
    encoder.types = NO_TYPES;
    idle.push(encoder);
  }
}

/** A refusal becomes an error with a pointer; what a getter threw stays as it is. */
export function explain(error: unknown, value: unknown, types: Types): unknown {
  if (error instanceof Refusal) return locate(error, value, { judge, types });
  if (!(error instanceof RangeError) || !error.message.includes("call stack")) return error;
  const message =
    "The state is nested too deeply for what is left of the stack. Save it from a shallower call.";
  return new KeepstateError("TOO_DEEP", message, { cause: error });
}

function judge(value: unknown, types: Types): KeepstateError["code"] | undefined {
  if (typeof value === "function" || typeof value === "symbol") return "UNSUPPORTED_TYPE";
  if (typeof value !== "object" || value === null) return undefined;
  if (types.claims(value)) return undefined;
  const kind = classify(value);
  return kind === "refused" || (kind === "array" && isMostlyHoles(value as unknown[]))
    ? "UNSUPPORTED_TYPE"
    : undefined;
}

function isMostlyHoles(array: readonly unknown[]): boolean {
  let holes = 0;
  for (let i = 0; i < array.length; i++) {
    if (!(i in array) && isSparse(++holes, i)) return true;
  }
  return false;
}
