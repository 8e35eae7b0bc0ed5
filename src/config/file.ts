/** `keepstate.toml`: its keys, each with the line it stands in. */

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { parse, TomlError } from "smol-toml";

import { KeepstateError } from "../errors.js";
import { type Layer, layerOf } from "./layer.js";

/** A file's layer, and the folder that its paths are relative to. */
export interface ConfigFile {
  readonly layer: Layer;
  readonly path: string;
  readonly folder: string;
}

/** Reads a configuration file. Text that is no TOML is a mistake of the layer, with its line. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const text = await readText(path);
  const folder = dirname(resolve(path));
  try {
    const lines = keyLines(text);
    const where = (keys: readonly string[]): string => `${path}:${lineOf(keys, lines)}`;
    return { path, folder, layer: layerOf(parse(text), where) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what = ""] = error.message.split("\n");
    const message = `column ${error.column}: ${what.replace(/^Invalid TOML document: /, "")}.`;
    const origin = `${path}:${error.line}`;
    return { path, folder, layer: { given: [], mistakes: [{ origin, message }] } };
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = missing
      ? `There is no configuration file at ${path}. Write one, or name another with --config.`
      : `The configuration file ${path} cannot be read: ${(cause as Error).message}.`;
    throw new KeepstateError(missing ? "NOT_FOUND" : "IO", message, { cause, path });
  }
}

/** Where each key and table begins, by path. The parser checks the text; this only finds lines. */
function keyLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  let table: readonly string[] = [];
  text.split("\n").forEach((line, index) => {
    const header = /^\s*\[\[?([^\]]+)\]/.exec(line);
    const key = /^\s*([^#=[\]]+?)\s*=/.exec(line);
    if (header) table = keyPath(header[1] ?? "");
    const path = header ? table : key && [...table, ...keyPath(key[1] ?? "")];
    const name = path?.join("\0");
    if (name !== undefined && !lines.has(name)) lines.set(name, index + 1);
  });
  return lines;
}

function keyPath(text: string): string[] {
  const parts = text.match(/"[^"]*"|'[^']*'|[^."'\s]+/g) ?? [];
  return parts.map((part) => part.replace(/^["']|["']$/g, ""));
}

/** The line of a key; within an inline table, that of the table. */
function lineOf(keys: readonly string[], lines: ReadonlyMap<string, number>): number {
  for (let length = keys.length; length > 0; length--) {
    const line = lines.get(keys.slice(0, length).join("\0"));
    if (line !== undefined) return line;
  }
  return 1;
}
