/** The keys of timelines, as FORMAT.md has them. */

import type { TimelineName } from "./reference.js";

/** What all keys of a timeline begin with. */
export function keysOf({ agent, session }: TimelineName): string {
  return `t/${escape(agent)}/${escape(session)}/`;
}

/** The key of a timeline's control object. */
export function controlOf(name: TimelineName): string {
  return `${keysOf(name)}control`;
}

/** Behind every key of a timeline and before those of the next. */
export function behind(name: TimelineName): string {
  return `${keysOf(name)}\u{10FFFF}`;
}

/** What the keys of all timelines begin with whose reference begins so. */
export function keysBelow(prefix: string): string {
  // In references `/ @ # %` are escaped, in keys `/` and `%`.
  return `t/${prefix.replace(/%(?:40|23)/g, (code) => decodeURIComponent(code))}`;
}

/** The timeline that a key is of, and whether it is that of a value. */
export function keyParts(
  key: string,
): { readonly name: TimelineName; readonly isValue: boolean } | undefined {
  const [, agent, session, rest] = key.split("/").map(unescape);
  if (!agent || !session || rest === undefined) return undefined;
  return { name: { agent, session }, isValue: /^[0-9]{12}$/.test(rest) };
}

function escape(name: string): string {
  return name.replaceAll("%", "%25").replaceAll("/", "%2F");
}

function unescape(part: string): string {
  return part.replaceAll("%2F", "/").replaceAll("%25", "%");
}
