/** Search over what snapshots tell of themselves. */

import { sameValue } from "../patch/equal.js";
import { globOf } from "./glob.js";
import { type Moment, momentOf } from "./moments.js";
import { checkKnown, invalid, type SnapshotListOptions } from "./options.js";
import type { Snapshot } from "./snapshot.js";

/** What a field of the metadata must be, or a function that says whether it is right. */
export type Wanted = unknown | ((value: unknown) => boolean);

/** Which snapshots are meant; all that is given must hold. */
export interface SearchOptions extends Omit<SnapshotListOptions, "tagged"> {
  /** The label: a text, in which `*` stands for any text, or a regular expression. */
  readonly label?: string | RegExp | undefined;
  /** What occurs in the label or the description, in upper or lower case. */
  readonly text?: string | undefined;
  /** A tag of this name, where `*` stands for any text; `true`: any tag. */
  readonly tag?: string | true | undefined;
  /** Saved then or later. */
  readonly since?: Moment | undefined;
  /** Saved then or earlier. */
  readonly until?: Moment | undefined;
  /** Fields of the metadata. */
  readonly metadata?: Readonly<Record<string, Wanted>> | undefined;
}

/** The same over all timelines of a store. `after` and `before` are numbers within each of them. */
export interface StoreSearchOptions extends SearchOptions {
  /** Only timelines whose reference begins so. */
  readonly prefix?: string | undefined;
  /** Only agents of this name, where `*` stands for any text. */
  readonly agent?: string | undefined;
  /** Only sessions of this name, where `*` stands for any text. */
  readonly session?: string | undefined;
}

/** The options of a search, checked, and taken apart: what to list, and what of that is meant. */
export interface Search {
  readonly listing: SnapshotListOptions;
  readonly limit: number;
  readonly isMeant: (snapshot: Snapshot) => boolean;
}

type Test = (snapshot: Snapshot) => boolean;

const LISTING = ["after", "before", "limit", "reverse", "signal"];
const OWN = ["label", "text", "tag", "since", "until", "metadata"];
const OF_STORES = ["prefix", "agent", "session"];

/** Checks the options of a search. */
export function searchOf(options: SearchOptions, now: number): Search {
  checkKnown("search", options, [...OWN, ...LISTING]);
  const { label, text, tag, since, until, metadata, limit, ...listing } = options;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw invalid(`limit must be a whole number from 0, not ${String(limit)}.`);
  }
  if (tag !== undefined && tag !== true && typeof tag !== "string") {
    throw invalid(`tag must be the name of a tag, or true for any, not ${String(tag)}.`);
  }
  const tests = [
    label === undefined ? [] : [labelled(label)],
    text === undefined ? [] : [telling(text)],
    since === undefined ? [] : [notBefore(momentOf(since, "since", now))],
    until === undefined ? [] : [notAfter(momentOf(until, "until", now))],
    metadata === undefined ? [] : [having(metadata)],
  ].flat();
  return {
    listing: { ...listing, tagged: tag },
    limit: limit ?? Infinity,
    isMeant: (snapshot) => tests.every((test) => test(snapshot)),
  };
}

/** Parts the options for one timeline from those that choose timelines. */
export function storeSearchOf({ prefix = "", agent, session, ...options }: StoreSearchOptions): {
  readonly prefix: string;
  readonly isMeant: (name: { readonly agent: string; readonly session: string }) => boolean;
  readonly options: SearchOptions;
} {
  checkKnown("search", options, [...OWN, ...LISTING, ...OF_STORES]);
  for (const [what, given] of Object.entries({ prefix, agent, session })) {
    if (given !== undefined && typeof given !== "string") throw invalid(`${what} must be text.`);
  }
  // What is wrong is said at once, and not only where there is a timeline to search.
  searchOf(options, 0);
  const isAgent = globOf(agent ?? "*");
  const isSession = globOf(session ?? "*");
  return { prefix, options, isMeant: (name) => isAgent(name.agent) && isSession(name.session) };
}

/** What of a listing is meant. */
export async function* found(
  snapshots: AsyncIterable<Snapshot>,
  { limit, isMeant }: Search,
): AsyncGenerator<Snapshot, void> {
  let left = limit;
  if (left <= 0) return;
  for await (const snapshot of snapshots) {
    if (!isMeant(snapshot)) continue;
    yield snapshot;
    if (--left <= 0) return;
  }
}

function labelled(label: unknown): Test {
  if (typeof label !== "string" && !(label instanceof RegExp)) {
    throw invalid("label must be text or a regular expression.");
  }
  // `search` looks at the whole text each time, whatever the flags of the expression.
  const isMeant =
    typeof label === "string" ? globOf(label) : (text: string) => text.search(label) >= 0;
  return (snapshot) => snapshot.label !== undefined && isMeant(snapshot.label);
}

function telling(text: unknown): Test {
  if (typeof text !== "string") throw invalid(`text must be text, not ${String(text)}.`);
  const wanted = text.toLowerCase();
  return ({ label, description }) =>
    [label, description].some((told) => told?.toLowerCase().includes(wanted));
}

function notBefore(time: number): Test {
  return (snapshot) => snapshot.time.getTime() >= time;
}

function notAfter(time: number): Test {
  return (snapshot) => snapshot.time.getTime() <= time;
}

function having(fields: unknown): Test {
  if (typeof fields !== "object" || fields === null) {
    throw invalid("metadata must be an object: fields, and what each must be.");
  }
  const tests = Object.entries(fields).map(([field, wanted]: [string, unknown]) => {
    const isMeant =
      typeof wanted === "function"
        ? (value: unknown) => Boolean((wanted as (value: unknown) => unknown)(value))
        : (value: unknown) => sameValue(value, wanted);
    return ({ metadata }: Snapshot) =>
      metadata !== undefined && Object.hasOwn(metadata, field) && isMeant(metadata[field]);
  });
  return (snapshot) => tests.every((test) => test(snapshot));
}
