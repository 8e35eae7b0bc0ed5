/**
 * Applies a JSON Patch (RFC 6902) to a live value.
 *
 * The value that was given is never changed: what an operation touches is copied on the way down,
 * the rest is shared. The patch applies whole or, with an error, not at all.
 */

import { KeepstateError } from "../errors.js";
import type { Operation } from "./diff.js";
import { type Container, isPlain, sameValue } from "./equal.js";
import { arrayIndex, parsePointer } from "./pointer.js";

/** The value after all operations. A failed `test` is CONFLICT, a missing place NOT_FOUND. */
export function apply(value: unknown, patch: readonly Operation[]): unknown {
  return patch.reduce(applyOne, value);
}

/** What stands at a pointer. */
export function valueAt(value: unknown, pointer: string): unknown {
  return parsePointer(pointer).reduce((parent, token) => child(parent, token, pointer), value);
}

function applyOne(value: unknown, operation: Operation): unknown {
  const { path } = operation;
  switch (operation.op) {
    case "add":
      return edit(value, path, insertAt(operation.value));
    case "replace":
      return edit(value, path, replaceWith(operation.value));
    case "remove":
      return edit(value, path, removeAt);
    case "move":
      return move(value, operation.from, path);
    case "copy":
      return edit(value, path, insertAt(valueAt(value, operation.from)));
    case "test":
      return test(value, operation);
  }
}

function move(value: unknown, from: string, path: string): unknown {
  if (path.startsWith(`${from}/`)) {
    throw failure("INVALID_ARGUMENT", path, "A value cannot be moved into itself");
  }
  const moved = valueAt(value, from);
  return from === path ? value : edit(edit(value, from, removeAt), path, insertAt(moved));
}

function test(value: unknown, operation: { path: string; value: unknown }): unknown {
  if (sameValue(valueAt(value, operation.path), operation.value)) return value;
  throw failure("CONFLICT", operation.path, "The value there is not what the patch tests for");
}

/** How a container (a fresh copy) changes at a token; without a container, the whole value. */
interface Change {
  inside(container: Container, token: string, pointer: string): void;
  whole(value: unknown): unknown;
}

function insertAt(value: unknown): Change {
  return {
    whole: () => value,
    inside: (container, token, pointer) => {
      if (!Array.isArray(container)) return setMember(container, token, value);
      const index = arrayIndex(token, container.length);
      if (index === undefined || index > container.length) throw missing(pointer);
      container.splice(index, 0, value);
    },
  };
}

function replaceWith(value: unknown): Change {
  return {
    whole: () => value,
    inside: (container, token, pointer) => {
      child(container, token, pointer);
      if (Array.isArray(container)) container[Number(token)] = value;
      else setMember(container, token, value);
    },
  };
}

const removeAt: Change = {
  whole: () => {
    throw failure("INVALID_ARGUMENT", "", "The whole value cannot be removed");
  },
  inside: (container, token, pointer) => {
    child(container, token, pointer);
    if (Array.isArray(container)) container.splice(Number(token), 1);
    else delete container[token];
  },
};

function edit(value: unknown, pointer: string, change: Change): unknown {
  const tokens = parsePointer(pointer);
  const last = tokens.pop();
  if (last === undefined) return change.whole(value);
  const root = copyOf(value, pointer);
  let container = root;
  for (const token of tokens) {
    const inner = copyOf(child(container, token, pointer), pointer);
    if (Array.isArray(container)) container[Number(token)] = inner;
    else setMember(container, token, inner);
    container = inner;
  }
  change.inside(container, last, pointer);
  return root;
}

function copyOf(value: unknown, pointer: string): Container {
  if (Array.isArray(value)) return [...value];
  if (isPlain(value)) return Object.defineProperties({}, Object.getOwnPropertyDescriptors(value));
  throw missing(pointer);
}

function child(parent: unknown, token: string, pointer: string): unknown {
  if (Array.isArray(parent)) {
    const index = arrayIndex(token, parent.length);
    if (index !== undefined && index < parent.length) return parent[index];
  } else if (isPlain(parent) && Object.hasOwn(parent, token)) return parent[token];
  throw missing(pointer);
}

/** Defines instead of assigning, so that `__proto__` is a key like any other. */
function setMember(container: Record<string, unknown>, key: string, value: unknown): void {
  const shape = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(container, key, shape);
}

function missing(pointer: string): KeepstateError {
  return failure("NOT_FOUND", pointer, "There is nothing at that place in the value");
}

function failure(
  code: "NOT_FOUND" | "CONFLICT" | "INVALID_ARGUMENT",
  pointer: string,
  what: string,
): KeepstateError {
  const place = JSON.stringify(pointer);
  const message = `${what}: ${place}. Compare the patch with the value it is for.`;
  return new KeepstateError(code, message, { pointer });
}
