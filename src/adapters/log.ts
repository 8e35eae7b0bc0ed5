/** `./path` and `file:`: the embedded log, the default store. */

import { raised, settled } from "../native/record.js";
import { native } from "../native.js";
import type { Scheme } from "../ports/scheme.js";
import { CREATE, DURABILITY, READ_ONLY, requirePath } from "./settings.js";
import { NativeStoreAdapter } from "./native.js";

/** The embedded log in a folder. */
export const log: Scheme = {
  summary: "the embedded log in a folder (the default)",
  parameters: {
    durability: DURABILITY,
    readOnly: READ_ONLY,
    create: CREATE,
    memory: {
      kind: "integer",
      min: 0,
      max: 2 ** 40,
      meaning: "bytes of small values that are kept in memory beside the index",
    },
    segment: {
      kind: "integer",
      min: 65_536,
      max: 2 ** 40,
      meaning: "bytes after which a segment of the log ends and the next one begins",
    },
    syncEvery: {
      kind: "integer",
      min: 1,
      max: 3_600_000,
      meaning: "with async durability: milliseconds after which what was acknowledged is synced",
    },
  },
  open: async (location, parameters) => {
    const path = requirePath(location, "file");
    return new NativeStoreAdapter(await settled(native().openLog(path, parameters)));
  },
  repair: async (location) => {
    const told = await settled(native().repairLog(requirePath(location, "file")));
    return { ...told, lost: told.lost.map((record) => raised(record)) };
  },
};
