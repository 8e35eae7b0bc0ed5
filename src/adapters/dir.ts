/** `dir:`: one plain file for each key. */

import { settled } from "../native/record.js";
import { native } from "../native.js";
import type { Scheme } from "../ports/scheme.js";
import { CREATE, DURABILITY, requirePath } from "./settings.js";
import { NativeStoreAdapter } from "./native.js";

/** Plain files in a folder, as other tools can read them. */
export const dir: Scheme = {
  summary: "plain files in a folder, one for each key",
  parameters: {
    durability: DURABILITY,
    create: CREATE,
    mode: {
      kind: "integer",
      min: 0,
      max: 0o777,
      meaning: "the permissions of new files, as a decimal number (384 is 0o600)",
    },
    backups: {
      kind: "integer",
      min: 0,
      max: 1000,
      meaning: "how many earlier versions of each file are kept",
    },
    shards: {
      kind: "integer",
      min: 1,
      max: 65_536,
      meaning: "how many folders the keys are spread over",
    },
  },
  open: async (location, parameters) => {
    const path = requirePath(location, "dir");
    return new NativeStoreAdapter(await settled(native().openDir(path, parameters)));
  },
};
