/** How much room values take. */

import { encodeMsgpack } from "../encode/msgpack.js";

/** The size of a value, encoded; undefined where it cannot be kept by itself. */
export function encodedSize(value: unknown): number | undefined {
  try {
    return encodeMsgpack(value).length;
  } catch {
    return undefined;
  }
}
