/** Which value holds: code > command line > environment > file > preset > default. */

import { resolve as resolvePath } from "node:path";

import { KeepstateError } from "../errors.js";
import { parseAddress, redactUrl } from "../schemes.js";
import { suggest } from "../suggest.js";
import { DEFAULTS, KEYS, PRESETS } from "./keys.js";
import type { Given, Layer, Mistake, Scalar } from "./layer.js";

/** A key, the value that holds, and where it came from. */
export interface Effective extends Given {
  /** The value as people may see it: without secrets. */
  readonly shown: string;
}

/** The configuration that holds, and every mistake that was found on the way. */
export interface Config {
  readonly effective: ReadonlyMap<string, Effective>;
  readonly mistakes: readonly Mistake[];
}

/** The sources, the strongest first. Paths of `file` are relative to `folder`. */
export interface Sources {
  readonly above: readonly Layer[];
  readonly file?: { readonly layer: Layer; readonly folder: string } | undefined;
}

/** Lays the sources over each other. */
export function resolve({ above, file }: Sources): Config {
  const layers = file ? [...above, anchored(file)] : above;
  const mistakes = layers.flatMap((layer) => layer.mistakes);
  const all = layers.map((layer) => new Map(layer.given.map((given) => [given.key, given])));
  const profile = first(all, "profile");
  const preset = first([...all, ...(profile ? [profileOf(all, profile)] : [])], "preset");
  const ordered = [
    ...all.slice(0, above.length),
    ...(profile ? [profileOf(all, profile)] : []),
    ...all.slice(above.length),
    ...(preset ? [named(PRESETS[String(preset.value)] ?? {}, `preset ${preset.value}`)] : []),
    named(DEFAULTS, "default"),
  ];
  const effective = new Map<string, Effective>();
  for (const layer of ordered) {
    for (const given of layer.values()) {
      if (effective.has(given.key) || given.key.startsWith("profiles.")) continue;
      effective.set(given.key, { ...given, shown: show(given) });
    }
  }
  return { effective, mistakes: [...mistakes, ...check(effective, all)] };
}

/** The first mistakes as one error, if there are any. */
export function requireValid({ mistakes }: Config): void {
  if (mistakes.length === 0) return;
  const shown = mistakes.slice(0, 5).map(({ origin, message }) => `${origin}: ${message}`);
  const more = mistakes.length > 5 ? ` And ${mistakes.length - 5} more.` : "";
  throw new KeepstateError("INVALID_CONFIG", `${shown.join(" ")}${more}`);
}

type Values = ReadonlyMap<string, Given>;

function first(layers: readonly Values[], key: string): Given | undefined {
  return layers.map((layer) => layer.get(key)).find((given) => given !== undefined);
}

function named(values: Readonly<Record<string, Scalar>>, origin: string): Values {
  return new Map(Object.entries(values).map(([key, value]) => [key, { key, value, origin }]));
}

function profileOf(layers: readonly Values[], profile: Given): Values {
  const prefix = `profiles.${profile.value}.`;
  const found = new Map<string, Given>();
  for (const given of layers.flatMap((layer) => [...layer.values()])) {
    const key = given.key.slice(prefix.length);
    if (given.key.startsWith(prefix) && !found.has(key)) found.set(key, { ...given, key });
  }
  return found;
}

/** Paths in a file mean what they mean beside the file, wherever it is read from. */
function anchored({ layer, folder }: NonNullable<Sources["file"]>): Layer {
  const anchor = (given: Given): Given =>
    /(^|\.)(store|url)$/.test(given.key) && typeof given.value === "string"
      ? { ...given, value: anchorUrl(given.value, folder) }
      : given;
  return { ...layer, given: layer.given.map(anchor) };
}

function anchorUrl(url: string, folder: string): string {
  const match = /^((?:file|dir):)?(\.{1,2}(?:\/.*|\?.*)?)$/s.exec(url);
  if (!match) return url;
  const [, scheme = "", path = ""] = match;
  const cut = path.indexOf("?");
  const whole = resolvePath(folder, cut < 0 ? path : path.slice(0, cut));
  return `${scheme}${whole}${cut < 0 ? "" : path.slice(cut)}`;
}

function check(effective: ReadonlyMap<string, Effective>, layers: readonly Values[]): Mistake[] {
  const mistakes: Mistake[] = [];
  const report = (given: Given, message: string): void => {
    mistakes.push({ origin: given.origin, message });
  };
  const profile = effective.get("profile");
  const names = profileNames(layers);
  if (profile && !names.includes(String(profile.value))) {
    const near = suggest(String(profile.value), names);
    report(profile, `there is no profile ${profile.value}.${near}`);
  }
  for (const given of effective.values()) {
    if (given.key.startsWith("stores.") && given.key.endsWith(".url")) checkUrl(given, report);
  }
  const store = effective.get("store");
  if (store && !effective.has(`stores.${store.value}.url`)) checkUrl(store, report);
  return mistakes;
}

function checkUrl(given: Given, report: (given: Given, message: string) => void): void {
  try {
    parseAddress(String(given.value));
  } catch (error) {
    if (!(error instanceof KeepstateError)) throw error;
    report(given, `${given.key}: ${error.message}`);
  }
}

function profileNames(layers: readonly Values[]): string[] {
  const keys = layers.flatMap((layer) => [...layer.keys()]);
  const names = keys.filter((key) => key.startsWith("profiles.")).map((key) => key.split(".")[1]);
  return [...new Set(names)].filter((name) => name !== undefined);
}

function show({ key, value }: Given): string {
  if (KEYS[key]?.secret) return "***";
  return typeof value === "string" ? redactUrl(value) : String(value);
}
