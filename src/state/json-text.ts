/** States as JSON text and back, rich types marked (docs/encoding.md), so that nothing is lost. */

import { encodeMsgpack } from "../encode/msgpack.js";
import type { Types } from "../encode/types.js";
import { KeepstateError } from "../errors.js";
import { settled, value } from "../native/record.js";
import { native } from "../native.js";
import { decodeMsgpack } from "./msgpack.js";

/** The text of a small state, at once. */
export function textOfState(state: unknown): string {
  return value(native().toJsonSync(encodeMsgpack(state)));
}

/** The text of a state. The state is taken before the promise is returned. */
export async function laterTextOfState(state: unknown, types?: Types): Promise<string> {
  return settled(native().toJson(encodeMsgpack(state, types)));
}

/** The state of a text. What is no JSON is NOT_JSON, and says where. */
export async function stateOfText(text: string, types?: Types): Promise<unknown> {
  return decodeMsgpack(await settled(native().fromJson(text)), types);
}

// A string, an empty container, a mark of structure, or any other scalar.
const TOKEN = /"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s"{}[\],:]+/gs;

/** The same text with line breaks and indentation, character for character otherwise. */
export function indented(text: string): string {
  const parts: string[] = [];
  let depth = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "}" || token === "]") parts.push(line(--depth), token);
    else if (token === "{" || token === "[") parts.push(token, line(++depth));
    else if (token === ",") parts.push(token, line(depth));
    else parts.push(token === ":" ? ": " : token);
  }
  if (depth === 0) return parts.join("");
  throw new KeepstateError("INTERNAL", "JSON text with open brackets was to be printed.");
}

function line(depth: number): string {
  return `\n${"  ".repeat(depth)}`;
}
