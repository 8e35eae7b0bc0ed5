// What every capture has to give: edits that make the whole encoding of the last bytes, and a
// restored state that is what was saved, as a copy taken before the capture says.
import { types } from "node:util";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow, type Capture } from "../../src/encode/shadow.js";
import { NO_TYPES, type Types } from "../../src/encode/types.js";
import { difference } from "./compare.js";
import { loadAddon } from "./native.js";
import { partsOf, remade } from "./own-types.js";

const { tapeReader } = loadAddon();

/** The new bytes, from the last ones and the edits; the edits must be sorted and apart. */
function apply(last: Uint8Array, { edits, bytes }: Capture): Uint8Array {
  if (edits === undefined) return new Uint8Array(bytes);
  const parts: Uint8Array[] = [];
  let done = 0;
  for (let i = 0; i < edits.length; i += 4) {
    const [oldAt, oldSize, outAt, outSize] = edits.subarray(i, i + 4) as unknown as number[];
    if (oldAt! < done || oldSize! < 0 || outSize! < 0) throw new Error("edits are out of order");
    parts.push(last.subarray(done, oldAt), bytes.subarray(outAt, outAt! + outSize!));
    done = oldAt! + oldSize!;
  }
  if (done > last.length) throw new Error("an edit is out of bounds");
  parts.push(last.subarray(done));
  return Buffer.concat(parts);
}

/** Follows one state through captures. */
export class Follower {
  readonly shadow: Shadow;
  readonly #decoder = new Decoder(tapeReader());
  bytes: Uint8Array = new Uint8Array(0);
  written = 0;

  readonly #types: Types;

  constructor({ immutable, types = NO_TYPES }: { immutable?: boolean; types?: Types } = {}) {
    this.shadow = new Shadow({ immutable, types });
    this.#types = types;
  }

  /** What is wrong with the next capture, if anything. */
  check(state: unknown, isRestored: boolean): string | undefined {
    const copy = isRestored ? this.#restorable(state) : undefined;
    const capture = this.shadow.capture(state);
    this.written = capture.bytes.length;
    this.bytes = apply(this.bytes, capture);
    const whole = encodeMsgpack(state, this.#types);
    if (Buffer.compare(this.bytes, whole) !== 0) return "the edits do not give the whole encoding";
    if (capture.size !== whole.length) return "the size is wrong";
    if (!isRestored) return undefined;
    const found = difference(this.#decoder.decode(this.bytes, this.#types), copy);
    return found === undefined ? undefined : `the restored state is another at ${found}`;
  }

  #restorable(state: unknown): unknown {
    return restorable(state, this.#types.size > 0);
  }
}

/**
 * A deep copy in the form in which a state comes back: class instances as plain objects, but those
 * of types of one's own as such where they are `typed`.
 */
export function restorable(value: unknown, typed: boolean): unknown {
  const copy = (part: unknown): unknown => restorable(part, typed);
  if (typeof value !== "object" || value === null) return value;
  if (typed && partsOf(value)) return remade(value, copy);
  if (Array.isArray(value)) return copyOfArray(value, copy);
  if (types.isMap(value)) {
    return new Map([...value].map(([key, item]) => [copy(key), copy(item)]));
  }
  if (types.isSet(value)) return new Set([...value].map(copy));
  if (types.isRegExp(value)) {
    return Object.assign(new RegExp(value), { lastIndex: value.lastIndex });
  }
  if (types.isNativeError(value)) return copyOfError(value, copy);
  if (types.isDate(value)) return new Date(value.getTime());
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return structuredClone(value);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return copy(toJSON.call(value, ""));
  return copyOfObject(value, copy);
}

type Copy = (part: unknown) => unknown;

function copyOfArray(list: readonly unknown[], copy: Copy): unknown[] {
  const made: unknown[] = [];
  made.length = list.length;
  list.forEach((item, i) => (made[i] = copy(item)));
  return made;
}

function copyOfError(error: Error, copy: Copy): Error {
  const { cause } = error;
  const options = "cause" in error ? { cause: copy(cause) } : undefined;
  const made = new (error.constructor as ErrorConstructor)(error.message, options);
  return Object.assign(Object.defineProperty(made, "stack", { value: error.stack }), error);
}

function copyOfObject(object: object, copy: Copy): object {
  const made: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(object)) {
    const value = copy(item);
    if (key !== "__proto__") made[key] = value;
    else Object.defineProperty(made, key, { value, ...OWN });
  }
  return made;
}

const OWN = { writable: true, enumerable: true, configurable: true };
