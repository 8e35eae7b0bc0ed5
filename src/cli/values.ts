/** Values of options, from text. */

import { KeepstateError } from "../errors.js";
import type { Call } from "./command.js";

/** The whole number behind an option. */
export function numberOf(call: Call, flag: string): number | undefined {
  const text = call.get(flag);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new KeepstateError("INVALID_ARGUMENT", `--${flag} takes a whole number, not ${text}.`);
}

/** All that was given as `--meta NAME=VALUE`; undefined where nothing was. */
export function metadataOf(call: Call): Record<string, string> | undefined {
  const pairs = call.all("meta");
  if (pairs.length === 0) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const cut = pair.indexOf("=");
      if (cut > 0) return [pair.slice(0, cut), pair.slice(cut + 1)] as const;
      const message = `--meta takes NAME=VALUE, as --meta kind=test, not ${pair}.`;
      throw new KeepstateError("INVALID_ARGUMENT", message);
    }),
  );
}
