/** Layers: what one source (code, environment, a file, ...) sets, and what is wrong in it. */

import { type Read, readText, readValue } from "../ports/setting.js";
import { camelCase, settingAt, snakeCase } from "./keys.js";

/** A value of a setting. */
export type Scalar = string | number | boolean;

/** One key that a source sets. */
export interface Given {
  /** As `durability` or `stores.main.url`. */
  readonly key: string;
  readonly value: Scalar;
  /** For people: `keepstate.toml:3`, `KEEPSTATE_DURABILITY`, ... */
  readonly origin: string;
}

/** One mistake that a source makes. */
export interface Mistake {
  readonly origin: string;
  readonly message: string;
}

/** What one source sets. */
export interface Layer {
  readonly given: readonly Given[];
  readonly mistakes: readonly Mistake[];
}

// Variables that are not configuration: where the addon and the configuration are.
const OTHER_VARIABLES = /^KEEPSTATE_(CONFIG|NATIVE_.*)$/;

/** A layer of values by path, as code and files give them. `where` says where a path stands. */
export function layerOf(
  values: Readonly<Record<string, unknown>>,
  where: (path: readonly string[]) => string,
): Layer {
  const given: Given[] = [];
  const mistakes: Mistake[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    if (value === undefined) return;
    if (isTable(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
      return;
    }
    const keys = path.map((key, i) => (isName(path, i) ? key : camelCase(key)));
    const end = judge(keys, (setting) => readValue(setting, value));
    const origin = where(path);
    if (end.wrong === undefined) given.push({ key: canonical(keys), value: end.value, origin });
    else mistakes.push({ origin, message: `${path.join(".")} ${end.wrong}` });
  };
  visit(values, []);
  return { given, mistakes };
}

/** The layer of `KEEPSTATE_*`. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const given: Given[] = [];
  const mistakes: Mistake[] = [];
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith("KEEPSTATE_") || OTHER_VARIABLES.test(variable) || !text) continue;
    const keys = variablePath(variable);
    const end = judge(keys, (setting) => readText(setting, text));
    if (end.wrong !== undefined) {
      mistakes.push({ origin: "environment", message: `${variable} ${end.wrong}` });
    } else given.push({ key: canonical(keys), value: end.value, origin: variable });
  }
  return { given, mistakes };
}

/** The variable of a key. */
export function variableOf(key: string): string {
  return `KEEPSTATE_${key.split(".").map(snakeCase).join("_").toUpperCase()}`;
}

/** KEEPSTATE_STORES_MAIN_READ_ONLY is stores.main.readOnly; names there are one lower-case word. */
function variablePath(variable: string): string[] {
  const words = variable.slice("KEEPSTATE_".length).toLowerCase().split("_");
  const grouped = (words[0] === "stores" || words[0] === "profiles") && words.length > 2;
  if (!grouped) return [camelCase(words.join("_"))];
  return [words[0] ?? "", words[1] ?? "", camelCase(words.slice(2).join("_"))];
}

function judge(path: readonly string[], read: (setting: Known) => Read): Read {
  const setting = settingAt(path);
  return "unknown" in setting ? { wrong: setting.unknown } : read(setting);
}

type Known = Exclude<ReturnType<typeof settingAt>, { readonly unknown: string }>;

function isTable(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** Whether a part of a path is a name that people chose, and no key of ours. */
function isName(path: readonly string[], index: number): boolean {
  const group = path[index - 1];
  return (group === "stores" && index !== 0) || (group === "profiles" && index === 1);
}

/** A store that is given as text is a table with only a URL. */
function canonical(path: readonly string[]): string {
  const short = path.at(-2) === "stores" && (path.length === 2 || path.length === 4);
  return (short ? [...path, "url"] : path).join(".");
}
