import { Frozen, Kind, type Frozenness, Node } from "./node.js";
import { Shape } from "./shape.js";

/**
 * Whether nothing in a node's value can change in place. Only plain objects, arrays and what is no
 * object count: a Map, a Date, bytes or an instance of a class has content that no freezing
 * reaches, and a getter gives what it likes. The nodes within must have been judged before.
 */
export function frozennessOf(node: Node): Frozenness {
  if (node.kind > Kind.numbers || !isFrozen(node.ref)) return Frozen.no;
  if (node.kind === Kind.numbers) return Frozen.yes;
  for (const value of node.vals as readonly unknown[]) {
    if (typeof value !== "object" || value === null || value instanceof Shape) continue;
    const within = value instanceof Node ? value.frozen === Frozen.yes : isFrozen(value);
    if (!within) return Frozen.no;
  }
  return Frozen.yes;
}

function isFrozen(object: object): boolean {
  if (!Object.isFrozen(object)) return false;
  for (const key of Object.keys(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key);
    if (property === undefined || !("value" in property)) return false;
  }
  return true;
}
