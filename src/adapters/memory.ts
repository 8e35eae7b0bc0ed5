/** `memory:`: a store that is gone when it is closed. */

import { KeepstateError } from "../errors.js";
import { value } from "../native/record.js";
import { native } from "../native.js";
import type { Scheme } from "../ports/scheme.js";
import { NativeStoreAdapter } from "./native.js";

/** Memory of this process. */
export const memory: Scheme = {
  summary: "memory of this process, for tests",
  parameters: {},
  open: async (location) => {
    if (location) {
      const message = `memory: takes no path, but was given ${location}. Write memory: alone.`;
      throw new KeepstateError("INVALID_CONFIG", message);
    }
    return new NativeStoreAdapter(value(native().openMemory()));
  },
};
