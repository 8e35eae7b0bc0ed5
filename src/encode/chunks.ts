/** One slice of a large string costs next to nothing; a call that decodes bytes costs much. */
const CHUNK = 48 * 1024;

type Format = "latin1" | "utf16le";

/**
 * Cuts strings out of bytes in which they lie mostly one after the other: a chunk is decoded at
 * once, the strings are slices of it. A string that is a chunk by itself is not a slice.
 */
export class Chunks {
  readonly #format: Format;
  readonly #unit: number;
  #bytes: Buffer = Buffer.alloc(0);
  #text = "";
  #start = 0;
  #end = 0;

  constructor(format: Format) {
    this.#format = format;
    this.#unit = format === "latin1" ? 1 : 2;
  }

  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#start = this.#end = 0;
  }

  /** Keeps nothing alive. */
  end(): void {
    this.#bytes = Buffer.alloc(0);
    this.#text = "";
  }

  /** `length` characters from character `from` on. */
  take(from: number, length: number): string {
    const to = from + length;
    if (from >= this.#start && to <= this.#end) {
      return this.#text.slice(from - this.#start, to - this.#start);
    }
    if (length >= CHUNK) return this.#decode(from, to);
    this.#start = from;
    this.#end = Math.min(from + CHUNK, Math.floor(this.#bytes.length / this.#unit));
    this.#text = this.#decode(this.#start, this.#end);
    return this.#text.slice(0, length);
  }

  #decode(from: number, to: number): string {
    return this.#bytes.toString(this.#format, from * this.#unit, to * this.#unit);
  }
}
