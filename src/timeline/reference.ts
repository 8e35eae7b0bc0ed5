/**
 * References: how timelines and snapshots are named in text, everywhere.
 *
 *     agent/session          a timeline
 *     agent/session@17       its snapshot 17
 *     agent/session@latest   its newest
 *     agent/session#tag      the one that a tag names (in URLs: @tag:tag)
 *
 * `/ @ # %` within a name are percent-encoded. A timeline's own methods take the part behind its
 * name alone: `@17`, `@latest`, `#tag`.
 */

import { KeepstateError } from "../errors.js";

/** The two names of a timeline, as they are: any non-empty text. */
export interface TimelineName {
  readonly agent: string;
  readonly session: string;
}

/** Which snapshot of a timeline. */
export type Selector =
  | { readonly sequence: number }
  | { readonly tag: string }
  | { readonly latest: true };

/** A reference, taken apart. Without `at` it names the timeline itself. */
export interface Reference extends TimelineName {
  readonly at?: Selector;
}

// A sequence has twelve digits in its key.
const SEQUENCE_MAX = 999_999_999_999;

/** Takes a reference apart. What is wrong with it is INVALID_REF and says what. */
export function parseReference(text: string): Reference {
  const cut = text.search(/[@#]/);
  const names = (cut < 0 ? text : text.slice(0, cut)).split("/");
  if (names.length < 2) throw invalid(text, "it must be agent/session, as planner/run-42");
  if (names.length > 2) throw invalid(text, "a slash within a name is written %2F");
  const [agent, session] = names.map((name) => decodeName(name, text));
  const name = { agent: agent ?? "", session: session ?? "" };
  if (!name.agent) throw invalid(text, "the agent's name, before the slash, is empty");
  if (!name.session) throw invalid(text, "the session's name, behind the slash, is empty");
  return cut < 0 ? name : { ...name, at: parseSelector(text.slice(cut), text) };
}

/** Takes a selector apart: `@17`, `@latest`, `#tag`, `@tag:tag`. */
export function parseSelector(selector: string, whole: string = selector): Selector {
  const rest = selector.slice(1);
  if (/[@#/]/.test(rest)) throw invalid(whole, "@ # / within a tag are percent-encoded");
  if (selector.startsWith("#")) return tagged(rest, whole);
  if (!selector.startsWith("@")) {
    throw invalid(whole, "a snapshot is named by @17, @latest or #tag");
  }
  if (rest.startsWith("tag:")) return tagged(rest.slice(4), whole);
  if (rest === "latest") return { latest: true };
  return { sequence: parseSequence(rest, whole) };
}

/** What a timeline's own method was given: a selector, or a full reference to the same timeline. */
export function parseOwn(text: string | undefined, own: TimelineName): Selector {
  if (text === undefined) return { latest: true };
  if (/^[@#]/.test(text) || !text.includes("/")) return parseSelector(text);
  const reference = parseReference(text);
  if (reference.agent === own.agent && reference.session === own.session) {
    return reference.at ?? { latest: true };
  }
  throw invalid(text, `it names another timeline than ${formatName(own)}; open that one`);
}

/** The name of a timeline from a reference without selector, or from its parts as they are. */
export function timelineName(of: string | TimelineName): TimelineName {
  if (typeof of === "string") {
    const { at, ...name } = parseReference(of);
    if (at) throw invalid(of, `it names a snapshot; open ${formatName(name)} and ask it for one`);
    return name;
  }
  const whole = JSON.stringify(of);
  for (const part of ["agent", "session"] as const) {
    const text: unknown = of[part];
    if (typeof text !== "string" || !text) throw invalid(whole, `${part} must be non-empty text`);
    if (!text.isWellFormed()) throw invalid(whole, `${part} has half of a surrogate pair`);
  }
  return { agent: of.agent, session: of.session };
}

/** The reference of a timeline: `agent/session`. */
export function formatName({ agent, session }: TimelineName): string {
  return `${encodeName(agent)}/${encodeName(session)}`;
}

/** The reference of a snapshot. */
export function formatReference(name: TimelineName, at: Selector): string {
  return formatName(name) + formatSelector(at);
}

/** The part behind the timeline's name. */
export function formatSelector(at: Selector): string {
  if ("sequence" in at) return `@${at.sequence}`;
  return "tag" in at ? `#${encodeName(at.tag)}` : "@latest";
}

/** One name as it stands in a reference. */
export function encodeName(name: string): string {
  return name.replace(/[/@#%]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decodeName(name: string, whole: string): string {
  try {
    if (/%(?![0-9A-Fa-f]{2})/.test(name) || !name.isWellFormed()) throw new URIError();
    return name.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeURIComponent);
  } catch (cause) {
    throw invalid(whole, "after % two hex digits of UTF-8 must follow; % itself is %25", cause);
  }
}

function tagged(name: string, whole: string): Selector {
  const tag = decodeName(name, whole);
  if (!tag) throw invalid(whole, "the tag's name is empty");
  if (tag === "latest") throw invalid(whole, "latest is reserved and no tag; write @latest");
  return { tag };
}

function parseSequence(digits: string, whole: string): number {
  const sequence = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
  if (sequence >= 1 && sequence <= SEQUENCE_MAX) return sequence;
  throw invalid(whole, "behind @ stands a number from 1, or latest");
}

function invalid(text: string, why: string, cause?: unknown): KeepstateError {
  return new KeepstateError("INVALID_REF", `${text || "An empty text"} is no reference: ${why}.`, {
    cause,
  });
}
