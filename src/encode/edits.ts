/** Numbers for each edit. */
const WIDTH = 4;
const KEPT = 1 << 16;

/** `outSize` bytes of the output take the place of `oldSize` old ones. */
export interface Edit {
  readonly oldAt: number;
  readonly oldSize: number;
  readonly outAt: number;
  readonly outSize: number;
}

/**
 * What turns the last bytes into the next: sorted by position in the old bytes; edits that meet on
 * both sides are one. What lies between edits is copied.
 */
export class Edits {
  #numbers = new Int32Array(64 * WIDTH);
  #length = 0;

  /** A place to cut back to, or to insert at. */
  get mark(): number {
    return this.#length;
  }

  /** The edits, as `oldAt, oldSize, outAt, outSize` each; the next capture overwrites them. */
  view(): Int32Array {
    return this.#numbers.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#numbers.length > KEPT) this.#numbers = new Int32Array(64 * WIDTH);
  }

  /** Takes back all edits since `mark`. */
  cut(mark: number): void {
    this.#length = mark;
  }

  /** Adds an edit behind all others. */
  add(edit: Edit): void {
    if (edit.oldSize === 0 && edit.outSize === 0) return;
    if (!this.#join(edit)) this.insert(this.#length, edit);
  }

  /** Adds an edit that comes before all since `mark`. */
  insert(mark: number, edit: Edit): void {
    if (this.#length + WIDTH > this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers.copyWithin(mark + WIDTH, mark, this.#length);
    numbers[mark] = edit.oldAt;
    numbers[mark + 1] = edit.oldSize;
    numbers[mark + 2] = edit.outAt;
    numbers[mark + 3] = edit.outSize;
    this.#length += WIDTH;
  }

  /** Makes an edit part of the last one, where they meet in the old bytes and in the output. */
  #join(edit: Edit): boolean {
    const last = this.#length - WIDTH;
    if (last < 0) return false;
    const numbers = this.#numbers;
    const oldSize = numbers[last + 1] as number;
    const outSize = numbers[last + 3] as number;
    if ((numbers[last] as number) + oldSize !== edit.oldAt) return false;
    const outEnd = (numbers[last + 2] as number) + outSize;
    if (outSize === 0) numbers[last + 2] = edit.outAt;
    else if (edit.outSize > 0 && outEnd !== edit.outAt) return false;
    numbers[last + 1] = oldSize + edit.oldSize;
    numbers[last + 3] = outSize + edit.outSize;
    return true;
  }

  #grow(): void {
    const larger = new Int32Array(this.#numbers.length * 2);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}
