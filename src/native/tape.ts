// What the addon exports to read encoded values; src/encode/decode.ts uses it.

import type { Outcome } from "./addon.js";

/** An encoded state that was restored. Its bytes can be had once: so, or by a TapeReader. */
export interface NativeState {
  take(): Outcome<Uint8Array>;
}

/** The part of the addon that reads encoded values. msgpack/tape.rs of the core has the form. */
export interface TapeReader {
  /** Reads one value; tells how many words its tape has. */
  read(state: Uint8Array | NativeState): Outcome<number>;
  /** Writes the words of what was read last; gives the strings and bytes that go with them. */
  take(state: Uint8Array | NativeState, words: Int32Array): Outcome<(string | Uint8Array)[]>;
  /** Shapes are told once; after this, all of them again. */
  forget(): void;
}
