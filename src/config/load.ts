/** From the sources of configuration to what `open` needs. */

import { existsSync } from "node:fs";

import type { Parameters } from "../ports/scheme.js";
import { readConfigFile } from "./file.js";
import { environmentLayer, type Layer, layerOf, type Scalar } from "./layer.js";
import { type Config, resolve } from "./resolve.js";

/** Where configuration may come from, beside the code. */
export interface Outside {
  /** The file that was asked for by name; it must be there. */
  readonly file?: string | undefined;
  /** Whether `keepstate.toml` of the current folder counts where no file was asked for. */
  readonly here?: boolean | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Whether the caller only reads: stores that can are then opened read-only. */
  readonly reads?: boolean | undefined;
  /** Options of the command line, by key. */
  readonly commandLine?: Readonly<Record<string, unknown>> | undefined;
}

const FILE_HERE = "keepstate.toml";

/** The configuration that holds for these values in code and these other sources. */
export async function loadConfig(
  code: Readonly<Record<string, unknown>>,
  outside: Outside = {},
): Promise<Config> {
  const { environment = {}, commandLine = {} } = outside;
  const above: Layer[] = [
    layerOf(code, () => "code"),
    layerOf(commandLine, ([key = ""]) => `--${key}`),
    environmentLayer(environment),
  ];
  const path = outside.file ?? environment["KEEPSTATE_CONFIG"] ?? fileHere(outside);
  return resolve({ above, file: path ? await readConfigFile(path) : undefined });
}

function fileHere({ here }: Outside): string | undefined {
  return here && existsSync(FILE_HERE) ? FILE_HERE : undefined;
}

/** The store that a valid configuration names: its URL, and parameters that yield to the URL's. */
export function storeOf({ effective }: Config): { url: string; parameters: Parameters } {
  const store = String(effective.get("store")?.value);
  const prefix = `stores.${store}.`;
  const own: Record<string, Scalar> = {};
  for (const key of ["durability", "readOnly", "create"]) {
    const value = effective.get(key)?.value;
    if (value !== undefined) own[key] = value;
  }
  for (const { key, value } of effective.values()) {
    if (key.startsWith(prefix)) own[key.slice(prefix.length)] = value;
  }
  const { url = store, ...parameters } = own;
  return { url: String(url), parameters };
}
