/** The encodings that states are kept in: three that are always there, and one's own. */

import { bytes } from "../encode/bytes.js";
import type { Encoding } from "../encode/encoding.js";
import { json } from "../encode/json.js";
import { value } from "../native/record.js";
import type { NativeState } from "../native/tape.js";
import { NO_TYPES, type Types } from "../encode/types.js";
import { Msgpack } from "../state/msgpack.js";
import { KeepstateError } from "../errors.js";
import { suggest } from "../suggest.js";

/** Encodings by name. */
export class Encodings {
  /** The types of one's own that MessagePack keeps. */
  readonly types: Types;
  readonly #known: Map<string, Encoding>;

  /** With encodings of one's own; their names must be new. */
  constructor(own: readonly Encoding[] = [], types: Types = NO_TYPES) {
    this.types = types;
    const always = [new Msgpack(types), json, bytes];
    this.#known = new Map(always.map((one) => [one.name, one]));
    for (const encoding of own) this.#add(encoding);
  }

  /** The encoding of this name, or UNSUPPORTED with what there is. */
  get(name: string): Encoding {
    const found = this.#known.get(name);
    if (found) return found;
    const names = [...this.#known.keys()];
    throw new KeepstateError(
      "UNSUPPORTED",
      `No encoding is named ${name}.${suggest(name, names)} There are ${names.join(", ")}; ` +
        "give others to open({ encodings }).",
    );
  }

  /** The value of a restored state. MessagePack is read where it lies. */
  decode(name: string, state: NativeState): unknown {
    const encoding = this.get(name);
    if (encoding instanceof Msgpack) return encoding.decode(state);
    return encoding.decode(value(state.take()));
  }

  #add(encoding: Encoding): void {
    const { name } = encoding;
    if (typeof name === "string" && /^[a-z0-9][a-z0-9.+-]*$/.test(name) && !this.#known.has(name)) {
      this.#known.set(name, encoding);
      return;
    }
    const message =
      `An encoding cannot be named ${JSON.stringify(name)}: a name is lower-case letters, digits ` +
      "and . + -, and not taken.";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
}
