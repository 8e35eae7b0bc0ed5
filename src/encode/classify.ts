import { types } from "node:util";
import { UnknownType } from "./unknown-type.js";

/** What an object is to the encoder. */
export type Kind =
  | "plain"
  | "array"
  | "date"
  | "bytes"
  | "typed"
  | "map"
  | "set"
  | "regexp"
  | "error"
  | "boxed"
  | "converted"
  | "unknown"
  | "instance"
  | "refused";

/** An object that says how it wants to be saved. */
export interface Converted {
  toJSON(key: string): unknown;
}

const ObjectPrototype = Object.prototype;

/** Whether own keys are all that the object is. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === ObjectPrototype || prototype === null;
}

/**
 * The kind of an object, by its internal slots: a Map of another realm is a Map, and what only
 * calls itself one is not.
 */
export function classify(value: object): Kind {
  if (Array.isArray(value)) return "array";
  if (isPlain(value)) return convertsItself(value) ? "converted" : "plain";
  if (ArrayBuffer.isView(value)) return types.isUint8Array(value) ? "bytes" : "typed";
  if (types.isDate(value)) return "date";
  if (types.isMap(value)) return "map";
  if (types.isSet(value)) return "set";
  if (types.isRegExp(value)) return "regexp";
  if (types.isArrayBuffer(value)) return "typed";
  if (value instanceof UnknownType) return "unknown";
  if (hasConversion(value)) return "converted";
  if (types.isNativeError(value) || value instanceof Error) return "error";
  if (types.isBoxedPrimitive(value)) return "boxed";
  return isRefused(value) ? "refused" : "instance";
}

/** Whether a plain object has a method `toJSON` of its own. */
function convertsItself(value: object): boolean {
  return hasConversion(value) && Object.prototype.propertyIsEnumerable.call(value, "toJSON");
}

/** A name for an object that cannot be saved. */
export function describe(value: object): string {
  if (types.isProxy(value)) return "A Proxy around a built-in object";
  const tag = tagOf(value);
  return `${/^[AEIO]/.test(tag) ? "An" : "A"} ${tag}`;
}

function hasConversion(value: object): boolean {
  return typeof (value as Partial<Converted>).toJSON === "function";
}

/**
 * Built-in objects keep their content where no property shows it. They are known by their tag, and
 * by having nothing else to save: a class of the user's own may have a tag beside its properties.
 */
function isRefused(value: object): boolean {
  if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value)) return true;
  if (types.isSharedArrayBuffer(value) || types.isExternal(value)) return true;
  if (types.isGeneratorObject(value)) return true;
  return tagOf(value) !== "Object" && Object.keys(value).length === 0;
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
