import { KeepstateError } from "../errors.js";
import { TYPED } from "./rich.js";
import { EXT } from "./scalars.js";

/** Not an ext of the format: how the tape marks an unsigned integer above 64 bits with a sign. */
const UNSIGNED = 0x43;

type Construct = new (buffer: ArrayBufferLike) => unknown;

/** The value of an ext whose payload is bytes. */
export function restoreExt(type: number, payload: Uint8Array): unknown {
  switch (type) {
    case EXT.bigint:
      return BigInt.asIntN(payload.length * 8, unsigned(payload));
    case UNSIGNED:
      return unsigned(payload);
    case EXT.utf16:
      return Buffer.from(payload.buffer).toString("utf16le");
    case EXT.typed:
      return restoreTyped(payload);
    default:
      throw corrupt(`an extended value of type ${type}`);
  }
}

function unsigned(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer).toString("hex")}`);
}

function restoreTyped(payload: Uint8Array): unknown {
  const name = TYPED[payload[0] as number] as string;
  const { buffer } = payload.slice(1);
  if (name === "ArrayBuffer") return buffer;
  const types = globalThis as unknown as Record<string, Construct>;
  return new (types[name] as Construct)(buffer);
}

export function restoreRegExp(content: unknown): RegExp {
  if (!Array.isArray(content)) throw corrupt("a regular expression without content");
  const [source, flags, lastIndex] = content as [string, string, number | undefined];
  if (typeof source !== "string") throw corrupt("a regular expression without a source");
  try {
    const restored = new RegExp(source, flags);
    restored.lastIndex = lastIndex ?? 0;
    return restored;
  } catch (cause) {
    throw corrupt("a regular expression that does not compile here", cause);
  }
}

const ERRORS: readonly ErrorConstructor[] = [
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];

/** Built-in errors get their class back; of any other, the name is kept as a property. */
export function restoreError(content: unknown): Error {
  if (typeof content !== "object" || content === null) throw corrupt("an error without content");
  const { name, message, stack, properties, ...others } = content as Record<string, unknown>;
  const restored =
    name === "AggregateError"
      ? new AggregateError([], `${message}`)
      : new (ERRORS.find((known) => known.name === name) ?? Error)(`${message}`);
  if (restored.name !== name) hide(restored, "name", name);
  hide(restored, "stack", stack);
  for (const [key, value] of Object.entries(others)) hide(restored, key, value);
  return Object.assign(restored, properties);
}

function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true });
}

function corrupt(found: string, cause?: unknown): KeepstateError {
  const message = `The encoded state holds ${found}. Restore an earlier snapshot.`;
  return new KeepstateError("CORRUPT", message, { cause });
}
