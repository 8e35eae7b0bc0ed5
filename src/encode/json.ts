import { KeepstateError, type Code } from "../errors.js";
import { classify, type Converted } from "./classify.js";
import type { Encoding } from "./encoding.js";
import { findCulprit, locate } from "./locate.js";
import { Refusal } from "./refusal.js";

/** Plain JSON text, for values that it holds exactly; all else is NOT_JSON, with its pointer. */
export const json: Encoding = {
  name: "json",
  encode(value: unknown): Uint8Array {
    refuse(value);
    return new TextEncoder().encode(JSON.stringify(value));
  },
  decode(bytes: Uint8Array): unknown {
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (cause) {
      const message = "The stored bytes are no JSON text. Restore an earlier snapshot.";
      throw new KeepstateError("CORRUPT", message, { cause });
    }
  },
};

function refuse(value: unknown): void {
  const found = findCulprit(value, { judge });
  if (found === undefined) return;
  const refusal =
    found.code === "NOT_JSON"
      ? new Refusal("NOT_JSON", "JSON cannot hold a value. Use the msgpack encoding, or change it.")
      : new Refusal(found.code, "The state is nested too deeply for one JSON text.");
  throw locate(refusal, value, { judge });
}

/** What JSON.stringify would drop, change or choke on. */
function judge(value: unknown): Code | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) ? undefined : "NOT_JSON";
    case "object":
      return value === null || isJson(value) ? undefined : "NOT_JSON";
    default:
      return "NOT_JSON";
  }
}

function isJson(value: object): boolean {
  const kind = classify(value);
  if (kind === "array") return typeof (value as Partial<Converted>).toJSON !== "function";
  return kind === "plain" || kind === "instance" || kind === "converted";
}
