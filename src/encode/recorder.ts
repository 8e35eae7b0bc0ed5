import { frozennessOf } from "./frozen.js";
import { HOLE, Kind, Node, type NodeKind } from "./node.js";
import { countHeaderSize } from "./scalars.js";
import { NO_KEYS, type Shape } from "./shape.js";
import { MAX_DEPTH } from "./limits.js";

/** A subtree of at most this many encoded bytes is kept flat: one sequential compare per save. */
const TAPE_BYTES = 2048;
/** Numbers kept per open container: first slot, first mark, nodes made before it. */
const FRAME = 3;
const KEPT_SLOTS = 1 << 12;

/**
 * Takes down what the encoder writes, so that a shadow of it can be kept. Values go to `slots` in
 * the order of the bytes; when a container ends, it stays there if it is small, else it becomes a
 * node with one value per mark.
 */
export class Recorder {
  #slots: unknown[] = [];
  #top = 0;
  #highest = 0;
  /** For each value of each open container: where its slots end, and where its bytes end. */
  #marks: number[] = [];
  #marked = 0;
  readonly #frames = new Int32Array(FRAME * (MAX_DEPTH + 64));
  #frame = 0;
  #nodes = 0;
  readonly #freezes: boolean;

  /** `freezes`: deeply frozen nodes are marked, to be skipped by identity. */
  constructor(freezes: boolean) {
    this.#freezes = freezes;
  }

  /** A scalar, or a node made elsewhere. */
  push(value: unknown): void {
    this.#slots[this.#top++] = value;
  }

  /** A slot that an array does not have. */
  pushHole(): void {
    this.#pushNode(HOLE);
  }

  /** A node whose content is not walked. */
  pushLeaf(kind: NodeKind, ref: object, vals: Node["vals"]): void {
    const node = new Node(kind, ref, NO_KEYS);
    node.vals = vals;
    if (this.#freezes) node.frozen = frozennessOf(node);
    this.#pushNode(node);
  }

  /** A container begins. */
  open(ref: object): void {
    const frame = this.#frame;
    this.#frames[frame] = this.#top;
    this.#frames[frame + 1] = this.#marked;
    this.#frames[frame + 2] = this.#nodes;
    this.#frame = frame + FRAME;
    this.#slots[this.#top++] = ref;
    this.#slots[this.#top++] = 0;
  }

  /** A value of the open container ends, at byte `at`. */
  mark(at: number): void {
    this.#marks[this.#marked++] = this.#top;
    this.#marks[this.#marked++] = at;
  }

  /** The values of the open container have moved by `size` bytes. */
  move(size: number): void {
    const first = this.#frames[this.#frame - FRAME + 1] as number;
    for (let i = first + 1; i < this.#marked; i += 2) this.#marks[i] = this.#mark(i) + size;
  }

  /** The container's values are taken back, and it goes on empty. */
  rewind(): void {
    const frame = this.#frame - FRAME;
    this.#top = (this.#frames[frame] as number) + 2;
    this.#marked = this.#frames[frame + 1] as number;
    this.#nodes = this.#frames[frame + 2] as number;
  }

  /** The container is not to be: all that was recorded since `open` is taken back. */
  drop(): void {
    this.rewind();
    this.#top -= 2;
    this.#frame -= FRAME;
  }

  /** A plain object or array ends, and stays flat if it is small. */
  close(tag: Shape | number, start: number, end: number): void {
    const frame = this.#frame - FRAME;
    const first = this.#frames[frame] as number;
    const flat = this.#nodes === this.#frames[frame + 2] && end - start <= TAPE_BYTES;
    if (flat) {
      this.#slots[first + 1] = tag;
      if (typeof tag !== "number" && tag.nests !== -1) tag.nests |= this.#nested(frame);
      this.#marked = this.#frames[frame + 1] as number;
      this.#frame = frame;
    } else if (typeof tag === "number") {
      this.closeNode(Kind.array, NO_KEYS, start);
    } else {
      this.closeNode(Kind.object, tag, start);
    }
  }

  /** A container ends and becomes a node. */
  closeNode(kind: NodeKind, shape: Shape, start: number): Node {
    this.#frame -= FRAME;
    const first = this.#frames[this.#frame] as number;
    const mark = this.#frames[this.#frame + 1] as number;
    const node = new Node(kind, this.#slots[first] as object, shape);
    const count = (this.#marked - mark) >> 1;
    const vals: unknown[] = new Array(count);
    const ends: number[] = new Array(count);
    let from = first + 2;
    for (let i = 0; i < count; i++) {
      const to = this.#mark(mark + 2 * i);
      vals[i] = this.#take(from, to);
      ends[i] = this.#mark(mark + 2 * i + 1) - start;
      from = to;
    }
    node.vals = vals;
    node.ends = ends;
    node.head = kind === Kind.converted ? 0 : countHeaderSize(count);
    if (this.#freezes) node.frozen = frozennessOf(node);
    this.#lower(first, mark);
    this.#pushNode(node);
    return node;
  }

  /** The one value that was recorded, as a node keeps it; afterwards nothing is. */
  finish(): unknown {
    const value = this.#take(0, this.#top);
    this.clear();
    return value;
  }

  /** Forgets everything: what stays here would keep the user's objects alive. */
  clear(): void {
    const highest = Math.max(this.#highest, this.#top);
    if (highest > KEPT_SLOTS) this.#slots = [];
    else this.#slots.fill(undefined, 0, highest);
    if (this.#marks.length > KEPT_SLOTS) this.#marks = [];
    this.#top = this.#highest = this.#marked = this.#frame = this.#nodes = 0;
  }

  /** Which values of a flat object are containers, as bits: those that took more than a slot. */
  #nested(frame: number): number {
    let from = (this.#frames[frame] as number) + 2;
    let nested = 0;
    let bit = 1;
    for (let i = this.#frames[frame + 1] as number; i < this.#marked; i += 2) {
      const to = this.#mark(i);
      if (to - from > 1) nested |= bit;
      from = to;
      bit <<= 1;
    }
    return nested;
  }

  #mark(i: number): number {
    return this.#marks[i] as number;
  }

  #lower(top: number, marked: number): void {
    if (this.#top > this.#highest) this.#highest = this.#top;
    this.#top = top;
    this.#marked = marked;
  }

  #pushNode(node: Node): void {
    this.#slots[this.#top++] = node;
    this.#nodes++;
  }

  #take(from: number, to: number): unknown {
    if (to - from === 1) return this.#slots[from];
    const tape = new Node(Kind.tape, this.#slots[from] as object, NO_KEYS);
    tape.vals = this.#slots.slice(from, to);
    if (this.#freezes) tape.frozen = frozennessOf(tape);
    return tape;
  }
}
