import { NO_KEYS, type Shape } from "./shape.js";

/** What a node stands for. */
export const Kind = {
  /** A small subtree in one flat array: `[ref, shape or length, slots...]`, containers inline. */
  tape: 0,
  /** A plain object: `shape`, a value and an end for each key. */
  object: 1,
  /** An array: a value and an end for each element. */
  array: 2,
  /** A long array of numbers only: `vals` is a Float64Array, `ends` is empty. */
  numbers: 3,
  /** An instance of a class: as an object, but its keys are asked for. */
  instance: 4,
  /** A Map: keys and values in turn. */
  map: 5,
  /** A Set. */
  set: 6,
  /** An object with toJSON: the one value is what it gave. */
  converted: 7,
  /** A Date: the one value is its time. */
  date: 8,
  /** A Uint8Array: a copy of its bytes. */
  bytes: 9,
  /** Anything else: a copy of its encoding, compared by encoding it again. */
  leaf: 10,
  /** A slot that an array does not have. */
  hole: 11,
  /** A value of a type: as an object whose one key is the type's name, but its head is an ext's. */
  named: 12,
} as const;

export type NodeKind = (typeof Kind)[keyof typeof Kind];

/** What is known of a node's live object. */
export const Frozen = {
  /** Nobody asked to skip what is frozen. */
  never: 0,
  /** Another object than the one that was looked at has come in its place. */
  unknown: 1,
  no: 2,
  yes: 3,
} as const;

export type Frozenness = (typeof Frozen)[keyof typeof Frozen];

/**
 * One value of the last capture. A single class for all kinds keeps the walk monomorphic.
 * A value in `vals` is a Node for a container, and itself for everything else.
 */
export class Node {
  kind: NodeKind;
  /** The live object; what is met again under this reference has this kind. */
  ref: object;
  shape: Shape;
  vals: unknown[] | Float64Array | Uint8Array;
  /**
   * The end of each value, relative to the container's first byte: moving a subtree touches nothing
   * inside it.
   */
  ends: number[];
  /** The size of what comes before the first value, or before the first key. */
  head = 0;
  /** Whether the live object is deeply frozen, and may be skipped when it is met again. */
  frozen: Frozenness = Frozen.never;

  constructor(kind: NodeKind, ref: object, shape: Shape) {
    this.kind = kind;
    this.ref = ref;
    this.shape = shape;
    this.vals = NOTHING;
    this.ends = NO_ENDS;
  }

  /** The value is this object now. What is known of another one says nothing of it. */
  take(ref: object): void {
    if (this.ref === ref) return;
    this.ref = ref;
    if (this.frozen !== Frozen.never) this.frozen = Frozen.unknown;
  }
}

const NOTHING: unknown[] = [];
const NO_ENDS: number[] = [];

/** The one hole. */
export const HOLE: Node = new Node(Kind.hole, {}, NO_KEYS);
