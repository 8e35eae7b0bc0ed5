/**
 * What a save hands to the core: what changed since the state that was handed over before, where
 * that is known, else the whole state.
 */

import type { Encoding } from "../encode/encoding.js";
import { Shadow } from "../encode/shadow.js";
import type { NativeSave } from "../native/timeline.js";

/** The part of a save that is about its state. */
export type Change = Pick<NativeSave, "bytes" | "edits" | "epoch">;

// What the shadow tells of each edit, and what the core takes.
const TOLD = 4;
const TAKEN = 3;

/** The states of one handle, as they go to the core. */
export class Captures {
  readonly #shadow: Shadow | undefined;
  readonly #encoding: Encoding;
  readonly #epoch: () => number;
  /** The core's epoch when it got the state that the shadow holds. */
  #handed = 0;

  /** `epoch` is the core's: it grows when edits can no longer build on what it got before. */
  constructor(encoding: Encoding, epoch: () => number) {
    this.#encoding = encoding;
    this.#epoch = epoch;
    this.#shadow = encoding.name === "msgpack" ? new Shadow() : undefined;
  }

  /** A state as it is now. Its buffers are used again by the next one. */
  take(state: unknown): Change {
    if (!this.#shadow) return this.takeWhole(state);
    if (this.#epoch() !== this.#handed) this.#shadow.invalidate();
    const { bytes, edits } = this.#shadow.capture(state);
    return edits ? { ...taken(bytes, edits), epoch: this.#handed } : { bytes };
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

/** Keep, drop, insert; what is inserted stands in the order of the edits. */
function taken(bytes: Uint8Array, told: Int32Array): Pick<NativeSave, "bytes" | "edits"> {
  const count = told.length / TOLD;
  const edits = new Float64Array(count * TAKEN);
  const parts: Uint8Array[] = [];
  let oldEnd = 0;
  for (let i = 0; i < count; i++) {
    const edit = told.subarray(i * TOLD, (i + 1) * TOLD);
    const [oldAt = 0, oldSize = 0, outAt = 0, outSize = 0] = edit;
    edits.set([oldAt - oldEnd, oldSize, outSize], i * TAKEN);
    oldEnd = oldAt + oldSize;
    parts.push(bytes.subarray(outAt, outAt + outSize));
  }
  return { edits, bytes: parts.length === 1 ? (parts[0] ?? bytes) : Buffer.concat(parts) };
}
