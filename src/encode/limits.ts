/** What one save may cost, so that a wrong value ends in an error and not in a dead process. */
export interface Limits {
  /** The most bytes one save may encode. */
  readonly bytes: number;
  /** The most objects, arrays, Maps and Sets one save may encode. */
  readonly containers: number;
}

/** Containers inside containers, counted from 1 for the outermost. */
export const MAX_DEPTH = 1000;

/** Positions are int32, so a state must stay below 2 GiB. */
export const DEFAULT_LIMITS: Limits = { bytes: 1 << 30, containers: 1 << 22 };
