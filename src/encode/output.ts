import { tooLarge } from "./refusal.js";

const FIRST_SIZE = 1 << 16;
// Above this, the buffer of a large save is given back instead of being kept for the next.
const KEPT_SIZE = 1 << 23;

/** One growing buffer, reused from save to save. `at` is where the next byte goes. */
export class Output {
  bytes: Buffer;
  view: DataView;
  at = 0;
  readonly #limit: number;

  /** `limit`: the most bytes it may hold, about; `size`: what it has room for at first. */
  constructor(limit: number, size: number = FIRST_SIZE) {
    this.#limit = limit;
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes sure that `size` more bytes fit. */
  reserve(size: number): void {
    if (this.at + size > this.bytes.length) this.#grow(size);
  }

  /** Inserts `size` bytes of room (or removes -size) before `from`, where `from <= at`. */
  shift(from: number, size: number): void {
    this.reserve(Math.max(size, 0));
    this.bytes.copyWithin(from + size, from, this.at);
    this.at += size;
  }

  /** A copy of what was written from `start` on. */
  copy(start: number): Uint8Array {
    return new Uint8Array(this.bytes.subarray(start, this.at));
  }

  /** Starts again at 0, and lets go of a buffer that one large save had needed. */
  reset(): void {
    this.at = 0;
    if (this.bytes.length > KEPT_SIZE) this.#replace(FIRST_SIZE);
  }

  #grow(size: number): void {
    const needed = this.at + size;
    if (this.at > this.#limit) throw tooLarge(this.#limit);
    const old = this.bytes;
    this.#replace(Math.max(needed, old.length * 2));
    old.copy(this.bytes, 0, 0, this.at);
  }

  #replace(size: number): void {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }
}
