// Strict comparison of restored values: what assert.deepStrictEqual takes for equal too easily
// (holes), or for unequal (two invalid Dates), is decided here.
import { types } from "node:util";
import { UnknownType } from "../../src/encode/unknown-type.js";
import { partsOf } from "./own-types.js";

/** The pointer of the first difference, or nothing. */
export function difference(a: unknown, b: unknown, at = ""): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return at || "/";
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return `${at}/[tag]`;
  const [own, other] = [partsOf(a), partsOf(b)];
  if (own && other) return difference(own, other, `${at}/[type]`);
  if (own || other || a instanceof UnknownType !== b instanceof UnknownType) return `${at}/[class]`;
  if (types.isDate(a) && types.isDate(b)) return Object.is(+a, +b) ? undefined : at;
  if (ArrayBuffer.isView(a) || types.isAnyArrayBuffer(a)) {
    return Buffer.compare(raw(a), raw(b as ArrayBuffer)) === 0 ? undefined : at;
  }
  if (types.isMap(a) && types.isMap(b)) return difference([...a], [...b], `${at}/[map]`);
  if (types.isSet(a) && types.isSet(b)) return difference([...a], [...b], `${at}/[set]`);
  if (types.isRegExp(a) && types.isRegExp(b)) {
    return String(a) === String(b) && a.lastIndex === b.lastIndex ? undefined : at;
  }
  if (types.isNativeError(a) && types.isNativeError(b)) {
    return difference(errorParts(a), errorParts(b), `${at}/[error]`);
  }
  return differenceOfProperties(a, b, at);
}

function differenceOfProperties(a: object, b: object, at: string): string | undefined {
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return `${at}/length`;
  const keys = Object.keys(a);
  const others = Object.keys(b);
  for (let i = 0; i < Math.max(keys.length, others.length); i++) {
    const key = keys[i];
    if (key === undefined || key !== others[i]) return `${at}/[keys ${key} ${others[i]}]`;
    // An own property hides an inherited one, __proto__ too.
    const pick = (from: object): unknown => (from as Record<string, unknown>)[key];
    const found = difference(pick(a), pick(b), `${at}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function errorParts(error: Error): unknown[] {
  return [error.name, error.message, error.stack, error.cause, Object.entries(error)];
}

function raw(value: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}
