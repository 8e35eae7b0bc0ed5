/**
 * The JSON form of a single file: `{"keepstate":1,"metadata":{...},"state":...}`, plain enough for
 * `zcat a.json.gz | jq .metadata`. The hash is over exactly the text of the state, so it is found by
 * its place in the text, not by parsing and printing it again.
 */

import { KeepstateError } from "../errors.js";
import type { FileMetadata } from "./metadata.js";

const FORMAT_VERSION = 1;

/** The text of a file. */
export function writeEnvelope(metadata: FileMetadata, state: string): string {
  return `{"keepstate":${FORMAT_VERSION},"metadata":${JSON.stringify(metadata)},"state":${state}}\n`;
}

/** The metadata and the text of the state, not yet proven. */
export function readEnvelope(text: string): { metadata: FileMetadata; state: string } {
  const members = membersOf(text);
  const version = members && parsed(members.get("keepstate"));
  if (members === undefined || typeof version !== "number") {
    throw new KeepstateError("NOT_OURS", "It is JSON, but no state that Keepstate saved.");
  }
  if (version > FORMAT_VERSION) {
    const message = `It has format version ${version}. Restore it with a newer Keepstate.`;
    throw new KeepstateError("FORMAT_TOO_NEW", message);
  }
  const metadata = parsed(members.get("metadata"));
  const state = members.get("state");
  if (state === undefined || typeof metadata !== "object" || metadata === null) throw cut();
  return { metadata: metadata as FileMetadata, state };
}

/** The members of a JSON object, each as its text; undefined where the text is no object. */
function membersOf(text: string): Map<string, string> | undefined {
  const members = new Map<string, string>();
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return undefined;
  for (;;) {
    const name = skipSpace(text, at + 1);
    const colon = skipSpace(text, skipValue(text, name));
    const value = skipSpace(text, colon + 1);
    const end = skipValue(text, value);
    if (text[colon] !== ":" || end === value) throw cut();
    members.set(String(parsed(text.slice(name, skipValue(text, name)))), text.slice(value, end));
    at = skipSpace(text, end);
    if (text[at] === "}") return members;
    if (text[at] !== ",") throw cut();
  }
}

/** Behind the value that begins here: brackets are counted, strings are jumped over. */
function skipValue(text: string, start: number): number {
  const token = /"(?:[^"\\]|\\.)*"|[[\]{}]|[^\s"[\]{},:]+|\S|\s+/gsy;
  let depth = 0;
  token.lastIndex = start;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match;
    if (found === "{" || found === "[") depth++;
    else if (found === "}" || found === "]") depth--;
    else if (depth === 0 && (found === "," || found === ":")) return start;
    if (depth < 0) return start;
    if (depth === 0 && !/^\s/.test(found)) return token.lastIndex;
  }
  return start;
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (/\s/.test(text[next] ?? "")) next++;
  return next;
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch (cause) {
    throw cut(cause);
  }
}

function cut(cause?: unknown): KeepstateError {
  const message = "The file is cut or damaged. Restore it from a copy.";
  return new KeepstateError("CORRUPT", message, { cause });
}
