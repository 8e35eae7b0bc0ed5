import type { Edits } from "./edits.js";
import type { Encoder } from "./encoder.js";
import type { Frames } from "./frames.js";
import type { Node } from "./node.js";

/** Instead of a growth: a node cannot stand for the value any more, which is encoded whole. */
export const REPLACED: number = Number.MIN_SAFE_INTEGER;

/** What the slow and the rare paths need of the walk that they belong to. */
export interface Walker {
  readonly edits: Edits;
  readonly frames: Frames;
  readonly encoder: Encoder;
  /** Walks value `i` of the innermost frame's node, and keeps account of its growth. */
  step(node: Node, i: number, value: unknown): void;
  /** Walks value `i`, which is the frame's current one; gives by how many bytes it has grown. */
  child(node: Node, i: number, value: unknown): number;
  /** Encodes a value, and gives what the shadow keeps of it. */
  encode(value: unknown): unknown;
}
