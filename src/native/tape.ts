// What the addon exports to read encoded values; src/encode/decode.ts uses it.

import type { Outcome } from "./addon.js";

/** The part of the addon that reads encoded values; native/core/src/msgpack/tape.rs has the form. */
export interface TapeReader {
  /** Reads one value; tells how many words its tape has. */
  read(bytes: Uint8Array): Outcome<number>;
  /** Writes the words of what was read last; gives the strings and bytes that go with them. */
  take(bytes: Uint8Array, words: Int32Array): Outcome<(string | Uint8Array)[]>;
  /** Shapes are told once; after this, all of them again. */
  forget(): void;
}
