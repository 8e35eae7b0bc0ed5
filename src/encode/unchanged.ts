import { isPlain } from "./classify.js";
import { isSame } from "./compare-tape.js";
import { frozennessOf } from "./frozen.js";
import { Frozen, HOLE, Kind, type Node } from "./node.js";

/** How far below a node is looked at once, and how many values a node may have for that. */
const LEVELS = 3;
const WIDTH = 64;

/**
 * Whether a value is what its node says, found without taking notes. Most nodes are unchanged, so
 * this little code is what a save runs; it is soon compiled, while the walk, which can say where
 * something changed, runs for the others only. `false` may also mean that it was not looked at: the
 * bounds keep what is looked at twice in proportion. It is one function on purpose, as `compare`
 * is: two that call each other are inlined into each other, and compile several times as long.
 */
export function isUnchanged(node: Node, value: unknown, levels: number = LEVELS): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (node.frozen === Frozen.yes && node.ref === value) return true;
  const { kind, vals } = node;
  if (kind === Kind.tape) {
    if (!isSame(vals as unknown[], value)) return false;
  } else if (levels === 0 || kind > Kind.array || vals.length > WIDTH) {
    return false;
  } else if (kind === Kind.array) {
    if (!Array.isArray(value) || value.length !== vals.length) return false;
    if (firstOther(node, value, { from: 0, levels: levels - 1 }) < vals.length) return false;
  } else {
    const object = value as Record<string, unknown>;
    const isNew = node.ref !== object;
    const { keys, mayConvert } = node.shape;
    if (mayConvert || (isNew && (Array.isArray(object) || !isPlain(object)))) return false;
    const values = vals as unknown[];
    const count = keys.length;
    let i = 0;
    for (const key in object) {
      if (i === count || keys[i] !== key) return false;
      const item = object[key];
      const before = values[i];
      if (typeof before === "object" && before !== null) {
        if (!isUnchanged(before as Node, item, levels - 1)) return false;
      } else {
        if ((before !== item || item === 0) && !Object.is(before, item)) return false;
        if (isNew) values[i] = item;
      }
      i++;
    }
    if (i !== count) return false;
  }
  node.take(value);
  if (node.frozen === Frozen.unknown) node.frozen = frozennessOf(node);
  return true;
}

/** Where the first value of an array is, from `from` on, that is not surely as it was. */
export function firstOther(
  node: Node,
  array: readonly unknown[],
  { from, levels = LEVELS }: { readonly from: number; readonly levels?: number },
): number {
  const isNew = node.ref !== array;
  const vals = node.vals as unknown[];
  const common = Math.min(vals.length, array.length);
  for (let i = from; i < common; i++) {
    const value = array[i];
    const before = vals[i];
    if (typeof before === "object" && before !== null) {
      if (isUnchanged(before as Node, value, levels)) continue;
      if (before === HOLE && value === undefined && !(i in array)) continue;
      return i;
    }
    if (before !== value || value === 0 || value === undefined) {
      if (!Object.is(before, value) || (value === undefined && !(i in array))) return i;
    }
    if (isNew) vals[i] = value;
  }
  return common;
}
