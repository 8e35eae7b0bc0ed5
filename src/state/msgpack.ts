/** The MessagePack encoding, both ways: encoded here, decoded by one native pass. */

import { Decoder } from "../encode/decode.js";
import type { Encoding } from "../encode/encoding.js";
import { encodeMsgpack } from "../encode/msgpack.js";
import { native } from "../native.js";

let decoder: Decoder | undefined;

/** The value of MessagePack bytes; damage is CORRUPT. */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  decoder ??= new Decoder(new (native().TapeReader)());
  return decoder.decode(bytes);
}

/** Every type of JavaScript that can be kept at all. */
export const msgpack: Encoding = {
  name: "msgpack",
  encode: encodeMsgpack,
  decode: decodeMsgpack,
};
