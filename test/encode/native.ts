// The addon as cargo built it, for tests of what lies directly above it.
import { copyFileSync, existsSync, mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { TapeReader } from "../../src/native/tape.js";

interface Addon {
  tapeReader(): TapeReader;
}

const root = new URL("../../../", import.meta.url);

function newestBuild(): URL {
  const names = ["libkeepstate_node.so", "libkeepstate_node.dylib", "keepstate_node.dll"];
  const built = ["ci", "release", "debug"]
    .flatMap((profile) => names.map((name) => new URL(`native/target/${profile}/${name}`, root)))
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (built[0] === undefined) {
    throw new Error("Build the addon first: cargo build --profile ci, in native/.");
  }
  return built[0];
}

let loaded: Addon | undefined;

/** Loads a copy, once, so that nothing changes a library in use. */
export function loadAddon(): Addon {
  loaded ??= loadCopy();
  return loaded;
}

function loadCopy(): Addon {
  const folder = new URL("build/addon/", root);
  const copy = new URL(`keepstate.${process.pid}.node`, folder);
  mkdirSync(folder, { recursive: true });
  copyFileSync(newestBuild(), copy);
  return createRequire(import.meta.url)(fileURLToPath(copy)) as Addon;
}
