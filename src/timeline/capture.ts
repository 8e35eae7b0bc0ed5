/**
 * What a save hands to the core: what changed since the state that was handed over before, where
 * that is known, else the whole state.
 */

import type { Encoding } from "../encode/encoding.js";
import { Shadow } from "../encode/shadow.js";
import type { NativeSave } from "../native/timeline.js";
import { Msgpack } from "../state/msgpack.js";

/** The part of a save that is about its state. */
export type Change = Pick<NativeSave, "bytes" | "edits" | "epoch">;

// What the shadow tells of each edit, and what the core takes.
const TOLD = 4;
const TAKEN = 3;
// Fewer bytes than these are copied one by one: that is cheaper than a view of them.
const SMALL = 64;

export interface CaptureOptions {
  readonly encoding: Encoding;
  /** The core's: it grows when edits can no longer build on what it got before. */
  readonly epoch: () => number;
  /** Deeply frozen parts of a state are not looked at again. */
  readonly immutable: boolean;
}

/** The states of one handle, as they go to the core. */
export class Captures {
  readonly #shadow: Shadow | undefined;
  readonly #encoding: Encoding;
  readonly #epoch: () => number;
  /** The core's epoch when it got the state that the shadow holds. */
  #handed = 0;

  constructor({ encoding, epoch, immutable }: CaptureOptions) {
    this.#encoding = encoding;
    this.#epoch = epoch;
    if (!(encoding instanceof Msgpack)) return;
    this.#shadow = new Shadow({ immutable, types: encoding.types });
  }

  /** A state as it is now. Its buffers are used again by the next one. */
  take(state: unknown): Change {
    if (!this.#shadow) return this.takeWhole(state);
    if (this.#epoch() !== this.#handed) this.#shadow.invalidate();
    const { bytes, edits } = this.#shadow.capture(state);
    if (edits === undefined) return { bytes };
    return { edits: taken(edits), bytes: gathered(bytes, edits), epoch: this.#handed };
  }

  /** A state without regard to the one before, for saves that may turn out to be another's. */
  takeWhole(state: unknown): Change {
    this.forget();
    return { bytes: this.#encoding.encode(state) };
  }

  /** The core has what was taken last. */
  handOver(): void {
    this.#handed = this.#epoch();
  }

  /** What was taken last did not become the latest snapshot, or may not have. */
  forget(): void {
    this.#shadow?.invalidate();
  }
}

/** Keep, drop, insert; again and again. */
function taken(told: Int32Array): Float64Array {
  const count = told.length / TOLD;
  const edits = new Float64Array(count * TAKEN);
  let oldEnd = 0;
  for (let i = 0; i < count; i++) {
    const oldAt = told[i * TOLD] as number;
    const oldSize = told[i * TOLD + 1] as number;
    edits[i * TAKEN] = oldAt - oldEnd;
    edits[i * TAKEN + 1] = oldSize;
    edits[i * TAKEN + 2] = told[i * TOLD + 3] as number;
    oldEnd = oldAt + oldSize;
  }
  return edits;
}

/**
 * What is inserted, in the order of the edits. Headers are written behind what they count, so that
 * a few bytes stand in another order than the edits.
 */
function gathered(bytes: Uint8Array, told: Int32Array): Uint8Array {
  const all = new Uint8Array(bytes.length);
  let at = 0;
  for (let i = 0; i < told.length; i += TOLD) {
    const from = told[i + 2] as number;
    const size = told[i + 3] as number;
    if (size < SMALL) for (let k = 0; k < size; k++) all[at + k] = bytes[from + k] as number;
    else all.set(bytes.subarray(from, from + size), at);
    at += size;
  }
  return at === all.length ? all : all.subarray(0, at);
}
