// Types of one's own, whose values show nothing of themselves: what comes back came by their types.
import { Types, type Type } from "../../src/encode/types.js";

/** Keeps one value where no property shows it. */
export class Holder {
  #inner: unknown;
  constructor(inner: unknown) {
    this.#inner = inner;
  }
  get inner(): unknown {
    return this.#inner;
  }
  set inner(value: unknown) {
    this.#inner = value;
  }
}

/** A subclass with more. */
export class Crate extends Holder {
  weight: number;
  constructor(inner: unknown, weight: number) {
    super(inner);
    this.weight = weight;
  }
}

/** One that is saved as text. */
export class Stamp {
  #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  get text(): string {
    return this.#text;
  }
  set text(text: string) {
    this.#text = text;
  }
  /** Not asked: the type goes before. */
  toJSON(): string {
    return `not ${this.#text}`;
  }
}

export const holder: Type<Holder, { inner: unknown }> = {
  name: "Holder",
  is: Holder,
  encode: ({ inner }) => ({ inner }),
  decode: ({ inner }) => new Holder(inner),
};

export const crate: Type<Crate, readonly [unknown, number]> = {
  name: "test/Crate of \u65e5",
  is: (value) => value instanceof Crate,
  encode: ({ inner, weight }) => [inner, weight],
  decode: ([inner, weight]) => new Crate(inner, weight),
};

export const stamp: Type<Stamp, string> = {
  name: "s",
  is: Stamp,
  encode: ({ text }) => text,
  decode: (text) => new Stamp(text),
};

/** All three; the subclass is asked first. */
export const ownTypes = (): Types => new Types([stamp, crate, holder]);

/** What a value of these types is made of; nothing for any other value. */
export function partsOf(value: unknown): unknown[] | undefined {
  if (value instanceof Crate) return [Crate, value.inner, value.weight];
  if (value instanceof Holder) return [Holder, value.inner];
  return value instanceof Stamp ? [Stamp, value.text] : undefined;
}

/** The same value made anew of copied parts. */
export function remade(value: unknown, copy: (part: unknown) => unknown): unknown {
  if (value instanceof Crate) return new Crate(copy(value.inner), value.weight);
  return value instanceof Holder ? new Holder(copy(value.inner)) : value;
}
