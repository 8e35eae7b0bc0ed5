import { inspect, type InspectOptions } from "node:util";

// The ESM and the CommonJS copy of this module have different classes; the brand makes them agree.
const BRAND = Symbol.for("keepstate.unknownType");

/**
 * A value of a type that was not registered when it was restored: its type's name, and what the
 * type had encoded it as. It is saved again as what it was; `data` may be changed.
 */
export class UnknownType {
  readonly name: string;
  data: unknown;

  constructor(name: string, data: unknown) {
    this.name = name;
    this.data = data;
  }

  /** Whether `value` is an UnknownType of any copy of this module; subclasses ask as usual. */
  static [Symbol.hasInstance](value: unknown): boolean {
    if (this !== UnknownType) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

Object.defineProperty(UnknownType.prototype, BRAND, { value: true });
Object.defineProperty(UnknownType.prototype, inspect.custom, { value: print });

/** How `console.log` and `util.inspect` show it. */
function print(this: UnknownType, depth: number | null, options: InspectOptions): string {
  if (depth !== null && depth < 0) return `[UnknownType ${this.name}]`;
  return `UnknownType ${this.name} ${inspect(this.data, { ...options, depth })}`;
}
