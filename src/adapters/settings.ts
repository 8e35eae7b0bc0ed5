/** Parameters that several stores have. */

import { KeepstateError } from "../errors.js";
import type { Setting } from "../ports/setting.js";

/** Whether acknowledged means on disk. */
export const DURABILITY: Setting = {
  kind: "choice",
  choices: ["sync", "async"],
  meaning: "sync: an acknowledged save is on disk; async: it survives a killed process",
};

/** Whether writes are refused. */
export const READ_ONLY: Setting = { kind: "boolean", meaning: "refuse every write" };

/** Whether a missing folder is made. */
export const CREATE: Setting = { kind: "boolean", meaning: "make the folder if it is not there" };

/** The path of a folder; an empty one is INVALID_CONFIG. */
export function requirePath(path: string, scheme: string): string {
  if (path) return path;
  const message = `${scheme}: names no folder. Write one behind it, as ${scheme}:./state`;
  throw new KeepstateError("INVALID_CONFIG", message);
}
