/** Which timelines a store holds. */

import type { CallOptions, Store } from "../ports/store.js";
import { formatName, type TimelineName } from "./reference.js";

/** One timeline of a listing. */
export interface TimelineEntry extends TimelineName {
  /** `agent/session`. */
  readonly ref: string;
}

// Greater than every key of a timeline: its rest is digits or lower-case letters.
const END = "\u{10FFFF}";

/**
 * The timelines whose reference begins with `prefix`, in the order of their keys. Two keys of each
 * are read, however many snapshots it has.
 */
export async function* listTimelines(
  store: Store,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<TimelineEntry, void> {
  const keys = `t/${keyPrefix(prefix)}`;
  let after: string | undefined;
  for (;;) {
    const [first, second] = await nextKeys(store, keys, { after, signal });
    if (first === undefined) return;
    const name = nameOf(first);
    const own = name && `t/${escape(name.agent)}/${escape(name.session)}/`;
    // What is left of a deleted timeline is its control object alone.
    const exists = first !== `${own}control` || second?.startsWith(`${own}`);
    if (name && exists) yield { ...name, ref: formatName(name) };
    after = own ? own + END : first;
  }
}

async function nextKeys(
  store: Store,
  prefix: string,
  options: { after: string | undefined; signal: AbortSignal | undefined },
): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, { ...options, limit: 2 })) keys.push(key);
  return keys;
}

/** In references `/ @ # %` are escaped, in keys `/` and `%`. */
function keyPrefix(prefix: string): string {
  return prefix.replace(/%(?:40|23)/g, (code) => decodeURIComponent(code));
}

function escape(name: string): string {
  return name.replaceAll("%", "%25").replaceAll("/", "%2F");
}

function nameOf(key: string): TimelineName | undefined {
  const [, agent, session, rest] = key.split("/").map(unescape);
  return agent && session && rest !== undefined ? { agent, session } : undefined;
}

function unescape(part: string): string {
  return part.replaceAll("%2F", "/").replaceAll("%25", "%");
}
