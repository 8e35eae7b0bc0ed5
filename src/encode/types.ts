import { KeepstateError } from "../errors.js";
import { isPlain } from "./classify.js";
import { Refusal } from "./refusal.js";
import { UnknownType } from "./unknown-type.js";

/** A class; an instance of it is one by `instanceof`. */
export type Class<Value = unknown> = abstract new (...given: never[]) => Value;

/** A type of one's own: how its values become plain data, and come back as what they were. */
export interface Type<Value = unknown, Data = unknown> {
  /** What is kept with every value: never change it as long as there are states with it. */
  readonly name: string;
  /** The class, or whether an object that is not plain is of this type. */
  readonly is: Class<Value> | ((value: object) => boolean);
  /** What is saved: anything that a state may hold, values of registered types too. */
  encode(value: Value): Data;
  /** The value of what `encode` gave. */
  decode(data: Data): Value;
}

/** What a value of a type is saved as. */
export interface Content {
  readonly name: string;
  readonly data: unknown;
}

// What is a type here already, in every realm.
const BUILT_IN = [
  "Object Array Function Promise Date Map Set RegExp ArrayBuffer DataView SharedArrayBuffer",
  "Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError",
  "Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array",
  "Float32Array Float64Array BigInt64Array BigUint64Array Number String Boolean BigInt Symbol",
].flatMap((names) => names.split(" "));

const NATIVE = /\{\s*\[native code\]\s*\}$/;

/** The types of one's own of one engine, in the order in which they were registered. */
export class Types {
  readonly #list: Type[] = [];
  /** Prototypes that were looked at: whether they are those of built-in types. */
  readonly #builtIn = new WeakMap<object, boolean>();

  /** With types; their names must differ. */
  constructor(types: readonly Type[] = []) {
    for (const type of types) this.register(type);
  }

  /** How many there are. */
  get size(): number {
    return this.#list.length;
  }

  /** Adds a type, which is asked after all that are there. */
  register<Value, Data>(type: Type<Value, Data>): void {
    const problem = problemOf(type as Type, this.#list);
    if (problem !== undefined) throw new KeepstateError("INVALID_ARGUMENT", problem);
    this.#list.push(type as Type);
  }

  /** Whether a value is of a registered type. */
  claims(value: object): boolean {
    return this.#list.length > 0 && this.#find(value) !== undefined;
  }

  /** What a value is saved as, if it is of a type; a refusal where its type fails. */
  content(value: object): Content | undefined {
    const type = this.#list.length > 0 ? this.#find(value) : undefined;
    if (type === undefined) return value instanceof UnknownType ? value : undefined;
    const { name } = type;
    try {
      return { name, data: type.encode(value) };
    } catch (cause) {
      throw failed(name, { did: "encode a value", hint: "Correct its encode()", cause });
    }
  }

  /** The value of a type that was saved as this; a refusal where its type fails. */
  restore({ name, data }: Content): unknown {
    const type = this.#list.find((one) => one.name === name);
    if (type === undefined) return new UnknownType(name, data);
    const hint = "Correct its decode(), or open without the type: then it is an UnknownType";
    try {
      const value = type.decode(data);
      if (!(value instanceof Promise)) return value;
      value.catch(() => undefined);
    } catch (cause) {
      throw failed(name, { did: "decode a value", hint, cause });
    }
    throw failed(name, { did: "decode a value at once: decode() gave a promise", hint });
  }

  #find(value: object): Type | undefined {
    if (isPlain(value) || Array.isArray(value) || value instanceof UnknownType) return undefined;
    if (this.#isBuiltIn(Object.getPrototypeOf(value) as object)) return undefined;
    for (const type of this.#list) if (isOf(type, value)) return type;
    return undefined;
  }

  #isBuiltIn(prototype: object): boolean {
    let known = this.#builtIn.get(prototype);
    if (known === undefined) {
      known = isBuiltIn(Object.getOwnPropertyDescriptor(prototype, "constructor")?.value);
      this.#builtIn.set(prototype, known);
    }
    return known;
  }
}

/** For whoever has none. */
export const NO_TYPES: Types = new Types();

function isOf(type: Type, value: object): boolean {
  const { is, name } = type;
  try {
    return isClass(is) ? value instanceof is : is.call(type, value);
  } catch (cause) {
    throw failed(name, { did: "tell whether a value is one", hint: "Correct its is()", cause });
  }
}

/** The `prototype` of a class cannot be set; a method or an arrow function has none. */
function isClass(is: Type["is"]): is is Class {
  const prototype = Object.getOwnPropertyDescriptor(is, "prototype");
  if (prototype === undefined) return false;
  if (prototype.writable === false) return true;
  const methods: unknown = prototype.value;
  return typeof methods === "object" && methods !== null && Object.keys(methods).length > 0;
}

function isBuiltIn(made: unknown): boolean {
  if (typeof made !== "function" || !BUILT_IN.includes(made.name)) return false;
  return NATIVE.test(Function.prototype.toString.call(made));
}

function problemOf(type: Type, known: readonly Type[]): string | undefined {
  if (typeof type !== "object" || type === null) {
    return "A type is an object of name, is, encode and decode.";
  }
  const { name, is, encode, decode } = type;
  if (typeof name !== "string" || name === "" || !name.isWellFormed()) {
    return `A type's name is text that is not empty, not ${JSON.stringify(name)}.`;
  }
  const which = `The type ${JSON.stringify(name)}`;
  if (known.some((one) => one.name === name)) {
    return `${which} is registered already. Names are unique: take another, or register it once.`;
  }
  if (typeof is !== "function") return `${which} needs an \`is\`: a class, or a function.`;
  if (isBuiltIn(is)) {
    return `${which} cannot be for ${is.name}, which is always saved as it is. Use a subclass.`;
  }
  if (typeof encode === "function" && typeof decode === "function") return undefined;
  return `${which} needs two functions, encode and decode.`;
}

interface Failure {
  readonly did: string;
  readonly hint: string;
  readonly cause?: unknown;
}

function failed(name: string, { did, hint, cause }: Failure): Refusal {
  const said = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  const text = `The type ${JSON.stringify(name)} could not ${did}${said}`;
  const end = /[.!?]$/.test(text) ? "" : ".";
  return new Refusal("CODEC_FAILED", `${text}${end} ${hint}.`, cause);
}
