// What the addon exports to read encoded values; src/encode/tape.ts uses it.

/** The part of the addon that reads encoded values. */
export interface TapeReader {
  read(bytes: Uint8Array): TapeSizes | TapeFailure;
  copy(words: Int32Array, latin: Uint8Array, wide: Uint16Array): boolean;
}

export interface TapeSizes {
  readonly words: number;
  readonly latin: number;
  readonly wide: number;
}

export interface TapeFailure {
  readonly code: number;
  readonly message: string;
  readonly offset?: number;
}
