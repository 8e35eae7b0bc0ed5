/** A way from values to bytes and back. Its name is kept with every snapshot. */
export interface Encoding {
  readonly name: string;
  /** The bytes of a value; a value that they cannot hold is an error, never changed silently. */
  encode(value: unknown): Uint8Array;
  /** The value of bytes that `encode` gave. */
  decode(bytes: Uint8Array): unknown;
}
