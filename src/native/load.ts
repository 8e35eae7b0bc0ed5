// Finds and loads the addon: an explicit path, else the local build, else the platform's package.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { VERSION } from "../version.js";
import type { NativeAddon } from "./exports.js";
import { diagnose } from "./diagnose.js";
import { readElf } from "./elf.js";
import { DamagedError, NativeLoadError, VersionError, type Attempt } from "./load-error.js";
import { host, triple, type Host } from "./platform.js";

/** What was loaded, and from where. */
export interface Loaded {
  readonly addon: NativeAddon;
  readonly path: string;
}

/** Where to look, and for which machine. What is not given is that of this process. */
export interface LoadOptions {
  /** This file and no other; `KEEPSTATE_NATIVE_PATH` says the same. */
  readonly path?: string | undefined;
  /** The folder of the package. */
  readonly root?: string;
  readonly host?: Host;
}

/** Loads the addon or throws NativeLoadError. */
export function load(options: LoadOptions = {}): Loaded {
  const machine = options.host ?? host();
  const root = options.root ?? packageRoot(dirname(fileURLToPath(import.meta.url)));
  const explicit = options.path ?? process.env["KEEPSTATE_NATIVE_PATH"];
  const attempts: Attempt[] = [];
  for (const path of explicit ? [resolve(explicit)] : places(root, machine)) {
    try {
      return open(path, root);
    } catch (error) {
      attempts.push({ path, error: error as Error });
    }
  }
  const { reason, message } = diagnose({ attempts, host: machine, root });
  throw new NativeLoadError(message, { reason, attempts });
}

function places(root: string, machine: Host): string[] {
  const name = triple(machine);
  return [join(root, `keepstate.${name}.node`), `@keepstate/${name}`];
}

function open(path: string, root: string): Loaded {
  const require = createRequire(join(root, "package.json"));
  const resolved = require.resolve(path);
  const isLinux = process.platform === "linux" && resolved.endsWith(".node");
  if (isLinux && readElf(resolved) === undefined) throw new DamagedError();
  const addon = require(resolved) as NativeAddon;
  const version = addon.version();
  if (version !== VERSION) throw new VersionError(version, VERSION);
  return { addon, path: resolved };
}

/** The folder of our package.json, wherever this file was compiled to; a bundle has none. */
function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (isOurs(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) return from;
  }
}

function isOurs(manifest: string): boolean {
  return existsSync(manifest) && /"name":\s*"keepstate"/.test(readFileSync(manifest, "utf8"));
}
