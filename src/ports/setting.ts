/** Settings: what a parameter of a URL, an option or a configuration key may hold. */

import { suggest } from "../suggest.js";

/** The shape of one setting, and what it means. */
export type Setting = { readonly meaning: string; readonly secret?: true } & (
  | { readonly kind: "text" | "boolean" }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
);

/** The value of a setting, or why it cannot be one. */
export type Read =
  | { readonly value: string | number | boolean; readonly wrong?: undefined }
  | { readonly wrong: string };

/** Reads a setting from text, as in URLs, the environment and on the command line. */
export function readText(setting: Setting, text: string): Read {
  if (setting.kind === "boolean") {
    if (/^(true|1|yes|on)$/i.test(text)) return { value: true };
    return /^(false|0|no|off)$/i.test(text) ? { value: false } : wrong(setting, text);
  }
  if (setting.kind === "integer") {
    return /^[0-9]+$/.test(text) ? readValue(setting, Number(text)) : wrong(setting, text);
  }
  return readValue(setting, text);
}

/** Reads a setting from a value, as in code and TOML. */
export function readValue(setting: Setting, value: unknown): Read {
  switch (setting.kind) {
    case "boolean":
      return typeof value === "boolean" ? { value } : wrong(setting, value);
    case "integer":
      return isWithin(value, setting) ? { value } : wrong(setting, value);
    case "choice":
      return isChoice(value, setting.choices) ? { value } : wrong(setting, value);
    case "text":
      return typeof value === "string" && value ? { value } : wrong(setting, value);
  }
}

/** What a setting may hold, in words. */
export function describeSetting(setting: Setting): string {
  switch (setting.kind) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number from ${setting.min} to ${setting.max}`;
    case "choice":
      return setting.choices.join(" or ");
    case "text":
      return "non-empty text";
  }
}

function isWithin(value: unknown, { min, max }: { min: number; max: number }): value is number {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
}

function isChoice(value: unknown, choices: readonly string[]): value is string {
  return typeof value === "string" && choices.includes(value);
}

function wrong(setting: Setting, value: unknown): Read {
  const near = setting.kind === "choice" ? suggest(String(value), setting.choices) : "";
  const shown = setting.secret ? "the value given" : JSON.stringify(value);
  return { wrong: `must be ${describeSetting(setting)}, not ${shown}.${near}` };
}
