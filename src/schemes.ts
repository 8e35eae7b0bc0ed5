/** From a URL or a path to a store. Whoever adds a backend adds one line to `SCHEMES`. */

import { dir } from "./adapters/dir.js";
import { log } from "./adapters/log.js";
import { memory } from "./adapters/memory.js";
import { KeepstateError } from "./errors.js";
import type { Parameters, Scheme, StoreRepaired } from "./ports/scheme.js";
import type { Store } from "./ports/store.js";
import { type Read, readText, readValue } from "./ports/setting.js";
import { suggest } from "./suggest.js";

/** The stores that URLs can name. A path without a scheme is a `file:`. */
export const SCHEMES: Readonly<Record<string, Scheme>> = { file: log, dir, memory };

/** A URL, taken apart. */
export interface Address {
  readonly scheme: string;
  /** What stands between the scheme and the parameters, percent-decoded. */
  readonly location: string;
  readonly parameters: Parameters;
}

/**
 * Opens the store that a URL or path names. `defaults` are parameters from elsewhere: they yield to
 * the URL's, and count only where the store has them.
 */
export async function openUrl(url: string, defaults: Parameters = {}): Promise<Store> {
  return openAddress(parseAddress(url), defaults);
}

/** The same for a URL that was taken apart. */
export async function openAddress(address: Address, defaults: Parameters = {}): Promise<Store> {
  const scheme = schemeOf(address.scheme, address.location);
  if (defaults["readOnly"] === true && !("readOnly" in scheme.parameters)) {
    const message = `A ${address.scheme}: store cannot be read-only. Leave readOnly out.`;
    throw new KeepstateError("UNSUPPORTED", message);
  }
  const known = Object.entries(defaults).filter(([name]) => name in scheme.parameters);
  for (const [name, given] of known) check(scheme, name, readValue(setting(scheme, name), given));
  return scheme.open(address.location, { ...Object.fromEntries(known), ...address.parameters });
}

/** Mends the store that a URL names, which nobody may have open. */
export async function repairUrl(url: string): Promise<StoreRepaired> {
  const { scheme, location } = parseAddress(url);
  const { repair, summary } = schemeOf(scheme, location);
  if (repair) return await repair(location);
  const message = `A ${scheme}: store (${summary}) has nothing that could be repaired as a whole.`;
  throw new KeepstateError("UNSUPPORTED", `${message} Repair its timelines one by one.`);
}

/** Whether the store that a URL names can be opened read-only. */
export function canBeReadOnly(url: string): boolean {
  return "readOnly" in schemeOf(parseAddress(url).scheme, url).parameters;
}

/** Takes a URL or path apart. What is wrong with it is INVALID_CONFIG. */
export function parseAddress(url: string): Address {
  if (typeof url !== "string" || url === "") {
    throw invalid("A store is named by a URL or a path, as ./state or memory:.");
  }
  // One letter before the colon is a drive, and no scheme.
  const match = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(url);
  const [scheme, rest] = match ? [match[1]?.toLowerCase() ?? "", match[2] ?? ""] : ["file", url];
  const cut = rest.indexOf("?");
  const location = cut < 0 ? rest : rest.slice(0, cut);
  const query = cut < 0 ? "" : rest.slice(cut + 1);
  const found = schemeOf(scheme, url);
  return {
    scheme,
    location: match ? decodePath(location, url) : location,
    parameters: readParameters(found, query),
  };
}

/** A URL as people may see it: without the password in it. */
export function redactUrl(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+.-]+:\/\/[^/?#@:]*):[^/?#@]*@/i, "$1:***@")
    .replace(/([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*/gi, "$1***");
}

function schemeOf(name: string, url: string): Scheme {
  const scheme = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (scheme) return scheme;
  const known = Object.keys(SCHEMES);
  const list = known.map((one) => `${one}:`).join(" ");
  throw invalid(
    `${redactUrl(url)} names no store: ${name}: is none of ${list}.` +
      `${suggest(name, known)} For a folder of that name write ./${redactUrl(url)}`,
  );
}

function decodePath(location: string, url: string): string {
  // file:///path and file:/path are the same folder; a host has no meaning here.
  const local = /^\/\/(?:localhost)?(\/.*)$/s.exec(location);
  const path = local?.[1] ?? location;
  if (path.startsWith("//")) {
    throw invalid(`${redactUrl(url)} names a host. Write file:///path for a folder here.`);
  }
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw invalid(`${redactUrl(url)} has a % that is not followed by two hex digits.`, cause);
  }
}

function readParameters(scheme: Scheme, query: string): Parameters {
  const values: Record<string, string | number | boolean> = {};
  for (const [name, text] of new URLSearchParams(query)) {
    values[name] = check(scheme, name, readText(setting(scheme, name), text));
  }
  return values;
}

function setting(scheme: Scheme, name: string): Scheme["parameters"][string] {
  const known = Object.hasOwn(scheme.parameters, name) ? scheme.parameters[name] : undefined;
  if (known) return known;
  const names = Object.keys(scheme.parameters);
  const list = names.length ? `one of ${names.join(", ")}` : "no parameter at all";
  throw invalid(`The URL's parameter ${name} is unknown.${suggest(name, names)} It takes ${list}.`);
}

function check(scheme: Scheme, name: string, read: Read): string | number | boolean {
  if (read.wrong === undefined) return read.value;
  throw invalid(`The parameter ${name} of ${scheme.summary} ${read.wrong}`);
}

function invalid(message: string, cause?: unknown): KeepstateError {
  return new KeepstateError("INVALID_CONFIG", message, { cause });
}
