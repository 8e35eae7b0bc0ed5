// The one door to the native addon: loaded once, at first use.

import type { NativeAddon } from "./native/exports.js";
import { load } from "./native/load.js";

let loaded: NativeAddon | undefined;

/** The addon. Throws NativeLoadError, which says what was tried and what to do. */
export function native(): NativeAddon {
  return (loaded ??= load().addon);
}
