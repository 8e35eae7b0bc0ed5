/** How the state of a single file becomes bytes, and back. */

import { bytes as bytesEncoding } from "../encode/bytes.js";
import type { Types } from "../encode/types.js";
import { laterTextOfState, stateOfText } from "../state/json-text.js";
import { decodeMsgpack, Msgpack } from "../state/msgpack.js";
import { KeepstateError } from "../errors.js";

/** The encoded state of a file of this form: JSON text, or for `.ks` any bytes. */
export async function encodeState(
  state: unknown,
  form: "json" | "ks",
  types: Types,
): Promise<{ bytes: Uint8Array; encoding: string }> {
  if (form === "json") {
    return { bytes: Buffer.from(await laterTextOfState(state, types)), encoding: "json" };
  }
  const encoding = state instanceof Uint8Array ? bytesEncoding : new Msgpack(types);
  return { bytes: encoding.encode(state), encoding: encoding.name };
}

/** The state of bytes that were encoded so. */
export async function decodeState(
  bytes: Uint8Array,
  encoding: string,
  types: Types,
): Promise<unknown> {
  switch (encoding) {
    case "json": {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
      return stateOfText(text, types);
    }
    case "bytes":
      return bytesEncoding.decode(bytes);
    case "msgpack":
      return decodeMsgpack(bytes, types);
    default: {
      const message = `Its state is encoded as ${encoding}, which this version does not know.`;
      throw new KeepstateError("UNSUPPORTED", message);
    }
  }
}
