// What states that come and go in pieces are to TypeScript: handles that the addon made.

declare const kind: unique symbol;

/** A save whose state comes in pieces. */
export interface NativeInflow {
  readonly [kind]: "inflow";
}

/** A state that is in the store, but for its record. */
export interface NativeStreamed {
  readonly [kind]: "streamed";
}

/** A state that is given in pieces. */
export interface NativeOutflow {
  readonly [kind]: "outflow";
}
