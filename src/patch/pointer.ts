/** JSON pointers (RFC 6901): how a place in a value is named. */

import { KeepstateError } from "../errors.js";

/** The reference tokens of a pointer, unescaped. The empty pointer, the whole value, has none. */
export function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) {
    throw invalid(pointer, "it must be empty or begin with a slash, as /messages/0");
  }
  return pointer.slice(1).split("/").map((token) => unescapeToken(token, pointer));
}

/** The pointer with these tokens. */
export function formatPointer(tokens: readonly (string | number)[]): string {
  return tokens.map((token) => `/${escapeToken(String(token))}`).join("");
}

/** One token as it stands in a pointer. */
export function escapeToken(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The index that a token names in an array of this length; `-` names the place behind the end. */
export function arrayIndex(token: string, length: number): number | undefined {
  if (token === "-") return length;
  return /^(0|[1-9][0-9]*)$/.test(token) ? Number(token) : undefined;
}

function unescapeToken(token: string, pointer: string): string {
  if (/~(?![01])/.test(token)) throw invalid(pointer, "a ~ must be followed by 0 or 1");
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

function invalid(pointer: string, why: string): KeepstateError {
  const message = `${JSON.stringify(pointer)} is no JSON pointer: ${why}.`;
  return new KeepstateError("INVALID_ARGUMENT", message, { pointer });
}
