/** Lengths of time and moments, as people write them. */

import { invalid } from "./options.js";

/** A length of time: milliseconds, or text as `30d`, `12h`, `90s`. */
export type Duration = number | string;

/** A moment: a Date, milliseconds since 1970, a date as text, or `2h` for so long ago. */
export type Moment = Date | number | string;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

// The last moment that a Date can hold, in milliseconds since 1970.
const LAST = 8.64e15;

/** A length of time in milliseconds. */
export function durationOf(length: unknown, what: string): number {
  const milliseconds = typeof length === "string" ? spelled(length) : length;
  if (typeof milliseconds === "number" && milliseconds >= 0 && milliseconds <= LAST) {
    return Math.round(milliseconds);
  }
  throw invalid(
    `${what} must be milliseconds or a length of time as "30d", "12h", "5m" or "90s", ` +
      `not ${JSON.stringify(length) ?? String(length)}.`,
  );
}

/** A moment in milliseconds since 1970. */
export function momentOf(moment: unknown, what: string, now: number): number {
  const ago = typeof moment === "string" ? spelled(moment) : undefined;
  if (ago !== undefined) return now - ago;
  const time = typeof moment === "string" ? Date.parse(moment) : Number(moment);
  const isOne = moment instanceof Date || typeof moment === "number" || typeof moment === "string";
  if (isOne && Math.abs(time) <= LAST) return time;
  throw invalid(
    `${what} must be a Date, milliseconds since 1970, a date as "2026-01-31", or how long ago, ` +
      `as "2h", not ${JSON.stringify(moment) ?? String(moment)}.`,
  );
}

function spelled(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?) ?(ms|[smhdw])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? NaN);
}
