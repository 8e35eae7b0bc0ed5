import { classify, isPlain } from "./classify.js";
import { isSame } from "./compare-tape.js";
import { Edits } from "./edits.js";
import type { Encoder } from "./encoder.js";
import { Frames } from "./frames.js";
import { hasMoved, itemOf } from "./align.js";
import { Frozen, HOLE, Kind, Node, type NodeKind } from "./node.js";
import type { Recorder } from "./recorder.js";
import { resequenceArray, resequenceObject } from "./resequence.js";
import { NO_KEYS } from "./shape.js";
import { appended } from "./text-growth.js";
import { walkConverted, walkLeaf, walkNamed, walkNumbers, walkTable } from "./walk-rich.js";
import { firstOther, isUnchanged } from "./unchanged.js";
import { REPLACED, type Walker } from "./walker.js";

/**
 * One walk over a live value beside the shadow of the last capture. Where both agree nothing is
 * encoded; where they part, an edit is made, and the shadow follows.
 */
export class Walk implements Walker {
  readonly edits: Edits = new Edits();
  readonly frames: Frames = new Frames();
  readonly encoder: Encoder;
  readonly recorder: Recorder;
  #hasTypes = false;

  constructor(encoder: Encoder, recorder: Recorder) {
    this.encoder = encoder;
    this.recorder = recorder;
  }

  begin(): void {
    this.#hasTypes = this.encoder.types.size > 0;
    this.edits.clear();
    this.frames.clear();
  }

  end(): void {
    this.frames.clear();
  }

  /** Walks value `i` of the node of the innermost frame, and keeps account of its growth. */
  step(node: Node, i: number, value: unknown): void {
    this.frames.index = i;
    const grown = this.child(node, i, value);
    if (grown !== 0) this.frames.grow(grown);
  }

  /** Walks value `i`, which is the frame's current one; gives by how many bytes it has grown. */
  child(node: Node, i: number, value: unknown): number {
    const vals = node.vals as unknown[];
    const before = vals[i];
    if (before instanceof Node) {
      if (typeof value === "object" && value !== null) {
        if (before.frozen === Frozen.yes && before.ref === value) return 0;
        const { mark } = this.edits;
        const outAt = this.encoder.out.at;
        const grown = this.#node(before, value);
        if (grown !== REPLACED) return grown;
        this.edits.cut(mark);
        this.encoder.out.at = outAt;
      }
    } else if (Object.is(before, value)) {
      vals[i] = value;
      return 0;
    } else if (typeof value === "string" && typeof before === "string") {
      const end = node.ends[i] as number;
      const grown = appended(this, { before, value, end, size: this.#sizeOf(node, i) });
      if (grown > 0) {
        vals[i] = value;
        return grown;
      }
    }
    return this.#replace(node, i, value);
  }

  /** Encodes a value, and gives what the shadow keeps of it. */
  encode(value: unknown): unknown {
    if (value === HOLE) this.encoder.hole(false);
    else this.encoder.value(value, NO_KEYS);
    return this.recorder.finish();
  }

  /** The size of value `i` of the innermost frame's node, its key not counted. */
  #sizeOf(node: Node, i: number): number {
    const key = node.shape.keys.length === 0 ? 0 : node.shape.keySize(i);
    return (node.ends[i] as number) - this.frames.oldStart(i) - key;
  }

  #replace(node: Node, i: number, value: unknown): number {
    const { edits, encoder, frames } = this;
    const oldSize = this.#sizeOf(node, i);
    const outAt = encoder.out.at;
    (node.vals as unknown[])[i] = this.encode(value);
    const outSize = encoder.out.at - outAt;
    const oldAt = frames.base() + (node.ends[i] as number) - oldSize;
    edits.add({ oldAt, oldSize, outAt, outSize });
    return outSize - oldSize;
  }

  #node(node: Node, value: object): number {
    if (node.kind === Kind.tape) {
      if (!isSame(node.vals as unknown[], value)) return REPLACED;
      node.take(value);
      return 0;
    }
    if (node.ref !== value && !isOfKind(node, value)) return REPLACED;
    this.encoder.depth++;
    const grown = this.#walk(node, value);
    this.encoder.depth--;
    return grown;
  }

  #walk(node: Node, value: object): number {
    if (node.kind === Kind.object) return this.#object(node, value as Record<string, unknown>);
    if (node.kind === Kind.array) return this.#array(node, value as unknown[]);
    node.take(value);
    if (this.#hasTypes && isClaimed(this, node, value)) return REPLACED;
    switch (node.kind) {
      case Kind.instance:
        return this.#instance(node, value as Record<string, unknown>);
      case Kind.numbers:
        return walkNumbers(this, node, value as unknown[]);
      case Kind.map:
      case Kind.set:
        return walkTable(this, node, value as Map<unknown, unknown>);
      case Kind.converted:
        return walkConverted(this, node);
      case Kind.named:
        return walkNamed(this, node);
      default:
        return walkLeaf(this, node, value);
    }
  }

  #object(node: Node, object: Record<string, unknown>): number {
    const { frames } = this;
    const isNew = node.ref !== object;
    node.take(object);
    const vals = node.vals as unknown[];
    const { keys, mayConvert } = node.shape;
    const count = keys.length;
    const { mark } = this.edits;
    if (mayConvert && typeof object["toJSON"] === "function") return REPLACED;
    frames.push(node);
    let i = 0;
    for (const key in object) {
      if (i === count || keys[i] !== key) {
        return resequenceObject(this, object, { node, from: i, mark });
      }
      const value = object[key];
      const before = vals[i];
      if (typeof before === "object" && before !== null) {
        if (!isUnchanged(before as Node, value)) this.step(node, i, value);
      } else if (before !== value || (value === 0 && !Object.is(before, value))) {
        this.step(node, i, value);
      } else if (isNew) {
        vals[i] = value;
      }
      i++;
    }
    return i === count ? frames.pop() : resequenceObject(this, object, { node, from: i, mark });
  }

  #instance(node: Node, object: Record<string, unknown>): number {
    if (typeof object["toJSON"] === "function") return REPLACED;
    const { keys } = node.shape;
    const { mark } = this.edits;
    this.frames.push(node);
    const now = Object.keys(object);
    for (let i = 0; i < now.length; i++) {
      if (keys[i] !== now[i]) return resequenceObject(this, object, { node, from: i, mark });
      this.step(node, i, object[now[i] as string]);
    }
    if (now.length === keys.length) return this.frames.pop();
    return resequenceObject(this, object, { node, from: now.length, mark });
  }

  #array(node: Node, array: readonly unknown[]): number {
    const vals = node.vals as unknown[];
    const count = vals.length;
    const { length } = array;
    const { mark } = this.edits;
    this.frames.push(node);
    const common = Math.min(count, length);
    let i = firstOther(node, array, { from: 0 });
    while (i < common) {
      const value = itemOf(array, i);
      const before = vals[i];
      if (hasMoved(before, value)) {
        node.take(array);
        return resequenceArray(this, array, { node, from: i, mark });
      }
      this.step(node, i, value);
      i = firstOther(node, array, { from: i + 1 });
    }
    node.take(array);
    if (length === count) return this.frames.pop();
    return resequenceArray(this, array, { node, from: common, mark });
  }
}

/** Whether a value that was of no type is of one now. */
function isClaimed({ encoder }: Walker, { kind }: Node, value: object): boolean {
  return kind !== Kind.named && kind !== Kind.numbers && encoder.types.claims(value);
}

function isOfKind(node: Node, value: object): boolean {
  switch (node.kind) {
    case Kind.array:
    case Kind.numbers:
      return Array.isArray(value);
    case Kind.object:
      return !Array.isArray(value) && isPlain(value);
    case Kind.named:
      return true;
    default:
      return KINDS[classify(value)] === node.kind;
  }
}

const KINDS: Partial<Record<ReturnType<typeof classify>, NodeKind>> = {
  date: Kind.date,
  bytes: Kind.bytes,
  typed: Kind.leaf,
  regexp: Kind.leaf,
  error: Kind.leaf,
  boxed: Kind.leaf,
  map: Kind.map,
  set: Kind.set,
  converted: Kind.converted,
  instance: Kind.instance,
};
