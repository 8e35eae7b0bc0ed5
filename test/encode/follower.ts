// What every capture has to give: edits that make the whole encoding of the last bytes, and a
// restored state that is what was saved, as a copy taken before the capture says.
import { types } from "node:util";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow, type Capture } from "../../src/encode/shadow.js";
import { difference } from "./compare.js";
import { loadAddon } from "./native.js";

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

  constructor(shadow: Shadow = new Shadow()) {
    this.shadow = shadow;
  }

  /** What is wrong with the next capture, if anything. */
  check(state: unknown, isRestored: boolean): string | undefined {
    const copy = isRestored ? restorable(state) : undefined;
    const capture = this.shadow.capture(state);
    this.written = capture.bytes.length;
    this.bytes = apply(this.bytes, capture);
    const whole = encodeMsgpack(state);
    if (Buffer.compare(this.bytes, whole) !== 0) return "the edits do not give the whole encoding";
    if (capture.size !== whole.length) return "the size is wrong";
    if (!isRestored) return undefined;
    const found = difference(this.#decoder.decode(this.bytes), copy);
    return found === undefined ? undefined : `the restored state is another at ${found}`;
  }
}

/** A deep copy in the form in which a state comes back: class instances as plain objects. */
export function restorable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return copyOfArray(value);
  if (types.isMap(value)) {
    return new Map([...value].map(([key, item]) => [restorable(key), restorable(item)]));
  }
  if (types.isSet(value)) return new Set([...value].map(restorable));
  if (types.isRegExp(value)) {
    return Object.assign(new RegExp(value), { lastIndex: value.lastIndex });
  }
  if (types.isNativeError(value)) return copyOfError(value);
  if (types.isDate(value)) return new Date(value.getTime());
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return structuredClone(value);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return restorable(toJSON.call(value, ""));
  return copyOfObject(value);
}

function copyOfArray(list: readonly unknown[]): unknown[] {
  const copy: unknown[] = [];
  copy.length = list.length;
  list.forEach((item, i) => (copy[i] = restorable(item)));
  return copy;
}

function copyOfError(error: Error): Error {
  const copy = structuredClone(error);
  if ("cause" in error) copy.cause = restorable(error.cause);
  return copy;
}

function copyOfObject(object: object): object {
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(object)) {
    const value = restorable(item);
    if (key !== "__proto__") copy[key] = value;
    else Object.defineProperty(copy, key, { value, ...OWN });
  }
  return copy;
}

const OWN = { writable: true, enumerable: true, configurable: true };
