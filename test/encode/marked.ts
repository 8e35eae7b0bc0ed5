// Values from the marked JSON of test/vectors/msgpack.json: docs/encoding.md has the table.

import { UnknownType } from "../../src/encode/unknown-type.js";

const TYPES: Record<string, new (buffer: ArrayBuffer) => unknown> = {
  Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
};

type Marker = (content: never) => unknown;

const MARKERS: Record<string, Marker> = {
  $undefined: () => undefined,
  $date: (text: string | null) => new Date(text ?? NaN),
  $number: (text: string) => Number(text),
  $bigint: (text: string) => (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text)),
  $bytes: (text: string) => new Uint8Array(Buffer.from(text, "base64")),
  $map: (pairs: [unknown, unknown][]) =>
    new Map(pairs.map(([key, item]) => [fromMarked(key), fromMarked(item)])),
  $set: (items: unknown[]) => new Set(items.map(fromMarked)),
  $regexp: ([source, flags, lastIndex]: [string, string, number?]) =>
    Object.assign(new RegExp(source, flags), { lastIndex: lastIndex ?? 0 }),
  $typed: (text: string) => typed(text),
  $type: ([name, data]: [string, unknown]) => new UnknownType(name, fromMarked(data)),
  $error: (parts: Record<string, unknown>) => error(parts),
};

function typed(text: string): unknown {
  const [name, base64] = text.split(":") as [string, string];
  const { buffer } = new Uint8Array(Buffer.from(base64, "base64"));
  return name === "ArrayBuffer" ? buffer : new (TYPES[name] as (typeof TYPES)[string])(buffer);
}

function error({ message, stack, cause }: Record<string, unknown>): Error {
  const options = cause === undefined ? {} : { cause: fromMarked(cause) };
  const made = new TypeError(message as string, options);
  made.stack = stack as string;
  return made;
}

/** The value that marked JSON, already parsed, stands for. */
export function fromMarked(json: unknown): unknown {
  if (Array.isArray(json)) return list(json);
  if (typeof json !== "object" || json === null) return json;
  const [[key, content] = ["", null]] = Object.entries(json);
  if (key.startsWith("$") && !key.startsWith("$$")) {
    return (MARKERS[key] as Marker)(content as never);
  }
  const made = {};
  for (const [name, item] of Object.entries(json)) {
    const value = fromMarked(item);
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(made, name.startsWith("$$") ? name.slice(1) : name, property);
  }
  return made;
}

function list(json: unknown[]): unknown[] {
  const made: unknown[] = [];
  json.forEach((item, i) => {
    if (typeof item === "object" && item !== null && "$hole" in item) made.length = i + 1;
    else made[i] = fromMarked(item);
  });
  return made;
}
