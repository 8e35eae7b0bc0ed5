/** States with values of types of one's own, as they are compared: by what they are saved as. */

import { explain } from "../encode/msgpack.js";
import type { Types } from "../encode/types.js";
import { UnknownType } from "../encode/unknown-type.js";
import type { Operation } from "./diff.js";
import { isPlain } from "./equal.js";

/** Shows states without what types made of their values, and finds the states again. */
export class Typed {
  readonly #types: Types;
  /** What a copy in a view stands for. */
  readonly #originals = new WeakMap<object, object>();

  constructor(types: Types) {
    this.#types = types;
  }

  /** A state in which each value of a type is an UnknownType; whatever has none is shared. */
  view(state: unknown): unknown {
    if (this.#types.size === 0) return state;
    try {
      return this.#view(state);
    } catch (error) {
      throw explain(error, state, this.#types);
    }
  }

  /** A patch of views, with the values of the states. */
  originals(patch: readonly Operation[]): Operation[] {
    return patch.map((operation) =>
      "value" in operation ? { ...operation, value: this.#original(operation.value) } : operation,
    );
  }

  #original(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    return this.#originals.get(value) ?? value;
  }

  #view(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const view = this.#viewOf(value);
    if (view !== value) this.#originals.set(view, value);
    return view;
  }

  #viewOf(value: object): object {
    const content = this.#types.content(value);
    if (content !== undefined) return new UnknownType(content.name, this.#view(content.data));
    if (Array.isArray(value)) return this.#list(value) ?? value;
    if (value instanceof Map) {
      const flat = this.#list([...value].flat(1));
      return flat === undefined ? value : new Map(pairsOf(flat));
    }
    if (value instanceof Set) {
      const items = this.#list([...value]);
      return items === undefined ? value : new Set(items);
    }
    return isPlain(value) ? this.#object(value) : value;
  }

  /** The items' views, unless they are the items. */
  #list(items: readonly unknown[]): unknown[] | undefined {
    const views = items.map((item) => this.#view(item));
    return views.some((view, i) => !Object.is(view, items[i])) ? views : undefined;
  }

  #object(object: Record<string, unknown>): Record<string, unknown> {
    const keys = Object.keys(object);
    const views = this.#list(keys.map((key) => object[key]));
    if (views === undefined) return object;
    const copy = {};
    for (const [i, key] of keys.entries()) {
      const property = { value: views[i], writable: true, enumerable: true, configurable: true };
      Object.defineProperty(copy, key, property);
    }
    return copy;
  }
}

function pairsOf(flat: readonly unknown[]): [unknown, unknown][] {
  const pairs: [unknown, unknown][] = [];
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
  return pairs;
}
