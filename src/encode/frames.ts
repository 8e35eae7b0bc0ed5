import { MAX_DEPTH } from "./limits.js";
import type { Node } from "./node.js";

/**
 * Where the walk is: for each container on the way, the node and the value that is being looked at.
 * No position is carried along; it is summed up when an edit needs it.
 *
 * Ends are brought up to date lazily, in order: those before `moved` count in the new bytes, all
 * others in the old ones, and `shift` is the difference.
 */
export class Frames {
  readonly #nodes: (Node | undefined)[] = [];
  readonly #index = new Int32Array(MAX_DEPTH + 2);
  readonly #moved = new Int32Array(MAX_DEPTH + 2);
  readonly #shift = new Int32Array(MAX_DEPTH + 2);
  #depth = -1;

  clear(): void {
    this.#nodes.length = 0;
    this.#depth = -1;
  }

  push(node: Node): void {
    const depth = ++this.#depth;
    this.#nodes[depth] = node;
    this.#index[depth] = this.#moved[depth] = this.#shift[depth] = 0;
  }

  /** The innermost container is done; gives by how many bytes its values have grown. */
  pop(): number {
    const depth = this.#depth;
    const node = this.#nodes[depth] as Node;
    const shift = this.#shift[depth] as number;
    if (shift !== 0) this.#move(node, node.ends.length);
    this.#nodes[depth] = undefined;
    this.#depth--;
    return shift;
  }

  /** As `pop`, for a container whose ends were made anew. */
  drop(): void {
    this.#nodes[this.#depth--] = undefined;
  }

  /** The value that is being looked at, in the innermost container. */
  set index(index: number) {
    this.#index[this.#depth] = index;
  }

  /** The value being looked at has grown by `size` bytes. */
  grow(size: number): void {
    const depth = this.#depth;
    const index = this.#index[depth] as number;
    const node = this.#nodes[depth] as Node;
    this.#move(node, index);
    this.#shift[depth] = (this.#shift[depth] as number) + size;
    this.#move(node, index + 1);
  }

  /** Brings the ends before `until` up to date. */
  settle(until: number): void {
    this.#move(this.#nodes[this.#depth] as Node, until);
  }

  /** Where the innermost container began in the old bytes. */
  base(): number {
    let at = 0;
    for (let depth = 0; depth < this.#depth; depth++) at += this.#valueAt(depth);
    return at;
  }

  /** Where value `index` of the innermost container, with its key, began: relative to the base. */
  oldStart(index: number): number {
    return this.#startAt(this.#depth, index);
  }

  /** By how many bytes the values before the ones being looked at have grown. */
  get shift(): number {
    return this.#shift[this.#depth] as number;
  }

  #valueAt(depth: number): number {
    const index = this.#index[depth] as number;
    const { shape } = this.#nodes[depth] as Node;
    const start = this.#startAt(depth, index);
    return shape.keys.length === 0 ? start : start + shape.keySize(index);
  }

  #startAt(depth: number, index: number): number {
    const node = this.#nodes[depth] as Node;
    if (index === 0) return node.head;
    const end = node.ends[index - 1] as number;
    return index - 1 < (this.#moved[depth] as number) ? end - (this.#shift[depth] as number) : end;
  }

  #move(node: Node, until: number): void {
    const depth = this.#depth;
    const shift = this.#shift[depth] as number;
    let i = this.#moved[depth] as number;
    if (shift !== 0) for (; i < until; i++) node.ends[i] = (node.ends[i] as number) + shift;
    if (until > (this.#moved[depth] as number)) this.#moved[depth] = until;
  }
}
