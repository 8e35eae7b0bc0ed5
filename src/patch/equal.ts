/** Whether two states are the same state, rich types included. */

import { UnknownType } from "../encode/unknown-type.js";

/** A plain object's own members, or an array's elements, by name. */
export type Container = Record<string, unknown> | unknown[];

/** Same value: as `Object.is` for scalars (NaN is NaN, -0 is not 0), by content for the rest. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && sameArray(a, b);
  if (isPlain(a)) return isPlain(b) && sameObject(a, b);
  return !Array.isArray(b) && !isPlain(b) && sameRich(a, b);
}

/** Whether a value is an object of named members, and not of a type with a meaning of its own. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  const isObject = Object.prototype.toString.call(value) === "[object Object]";
  return isObject && !(value instanceof UnknownType);
}

function sameArray(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => sameValue(value, b[index]));
}

function sameObject(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]))
  );
}

function sameRich(a: object, b: object): boolean {
  if (a instanceof UnknownType) {
    return b instanceof UnknownType && a.name === b.name && sameValue(a.data, b.data);
  }
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof Map && b instanceof Map) return sameArray([...a].flat(1), [...b].flat(1));
  if (a instanceof Set && b instanceof Set) return sameArray([...a], [...b]);
  if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b);
  if (a instanceof Error && b instanceof Error) {
    return a.name === b.name && a.message === b.message;
  }
  return ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && sameBytes(a, b);
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const tag = Object.prototype.toString;
  if (tag.call(a) !== tag.call(b) || a.byteLength !== b.byteLength) return false;
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
