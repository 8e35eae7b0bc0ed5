/** The MessagePack encoding, both ways: encoded here, decoded by one native pass. */

import { Decoder } from "../encode/decode.js";
import type { Encoding } from "../encode/encoding.js";
import { encodeMsgpack } from "../encode/msgpack.js";
import type { Types } from "../encode/types.js";
import { value } from "../native/record.js";
import type { NativeState } from "../native/tape.js";
import { native } from "../native.js";

// Its buffers are used again. It is not here while it is at work.
let idle: Decoder | undefined;

/** The value of MessagePack bytes; those of a restored state are taken. Damage is CORRUPT. */
export function decodeMsgpack(state: Uint8Array | NativeState, types?: Types): unknown {
  const decoder = idle ?? new Decoder(value(native().tapeReader()));
  idle = undefined;
  try {
    return decoder.decode(state, types);
  } finally {
    idle = decoder;
  }
}

/** Every type of JavaScript that can be kept at all, and those of one's own. */
export class Msgpack implements Encoding {
  readonly name = "msgpack";
  readonly types: Types;

  constructor(types: Types) {
    this.types = types;
  }

  encode(value: unknown): Uint8Array {
    return encodeMsgpack(value, this.types);
  }

  /** The value of bytes, or of a restored state, which is read where it lies. */
  decode(state: Uint8Array | NativeState): unknown {
    return decodeMsgpack(state, this.types);
  }
}
