/** Every configuration key: one table for code, files, the environment and the command line. */

import { CREATE, DURABILITY, READ_ONLY } from "../adapters/settings.js";
import { SCHEMES } from "../schemes.js";
import type { Setting } from "../ports/setting.js";
import { suggest } from "../suggest.js";

/** Values by key. */
type Values = Readonly<Record<string, string | number | boolean>>;

/** The values that a preset gives to keys that nobody set. */
export const PRESETS: Readonly<Record<string, Values>> = {
  development: { durability: "async", integrity: "fast" },
  production: { durability: "sync", integrity: "fast" },
  secure: { durability: "sync", integrity: "full" },
  full: { durability: "sync", integrity: "full", level: 9 },
};

/** The keys at the top, and in each profile. */
export const KEYS: Readonly<Record<string, Setting>> = {
  store: { kind: "text", meaning: "the URL or path of the store, or the name of one of [stores]" },
  durability: DURABILITY,
  readOnly: READ_ONLY,
  create: CREATE,
  integrity: {
    kind: "choice",
    choices: ["fast", "full"],
    meaning: "full: also keep a SHA-256 of each whole state",
  },
  level: {
    kind: "integer",
    min: 1,
    max: 19,
    meaning: "how hard new bytes are compressed (zstd level)",
  },
  singleWriter: {
    kind: "boolean",
    meaning: "allow a store without conditional writes: you promise that only one process writes",
  },
  packing: {
    kind: "choice",
    choices: ["auto", "off"],
    meaning: "auto: small values become few large ones in the background; off: only by pack",
  },
  preset: {
    kind: "choice",
    choices: Object.keys(PRESETS),
    meaning: "values for all keys that are not set",
  },
  profile: { kind: "text", meaning: "which of [profiles] is laid over the rest of the file" },
};

/** What holds where nothing is set. */
export const DEFAULTS: Values = {
  store: "./.keepstate",
  durability: "sync",
  readOnly: false,
  create: true,
  integrity: "fast",
  level: 3,
  singleWriter: false,
  packing: "auto",
};

const URL_KEY: Setting = { kind: "text", meaning: "the URL or path of this store" };

/** The setting at a path as `durability` or `stores.main.url`, or why there is none. */
export function settingAt(path: readonly string[]): Setting | { readonly unknown: string } {
  const [first = "", name = "", ...rest] = path;
  if (first === "profiles" && path.length > 2) {
    return rest[0] === "profile" ? missing(rest, []) : settingAt(path.slice(2));
  }
  if (first === "stores" && name && rest.length === 0) return URL_KEY;
  if (first === "stores" && name && rest.length === 1) return lookUp(storeKeys(), path);
  if (path.length === 1) return lookUp(KEYS, path);
  return missing(path, [...Object.keys(KEYS), "stores", "profiles"]);
}

/** What a table under [stores] may hold: a URL, and the parameters that its scheme may have. */
function storeKeys(): Record<string, Setting> {
  const parameters = Object.values(SCHEMES).map((scheme) => scheme.parameters);
  return Object.assign({ url: URL_KEY }, ...parameters) as Record<string, Setting>;
}

function lookUp(
  table: Readonly<Record<string, Setting>>,
  path: readonly string[],
): ReturnType<typeof settingAt> {
  const key = path.at(-1) ?? "";
  const found = Object.hasOwn(table, key) ? table[key] : undefined;
  const groups = path.length === 1 ? ["stores", "profiles"] : [];
  return found ?? missing(path, [...Object.keys(table), ...groups]);
}

function missing(path: readonly string[], known: readonly string[]): { unknown: string } {
  const key = path.at(-1) ?? "";
  return { unknown: `is no configuration key.${suggest(key, known)}` };
}

/** `read_only`, `read-only` and `readOnly` are the same key. */
export function camelCase(key: string): string {
  return key.replace(/[-_]+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `readOnly` as files and the environment write it. */
export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
