/** What the stores of the core, on this machine, offer beyond the port. */

import type { KeepstateError } from "../errors.js";
import type { CallOptions, Store } from "./store.js";

/** Options of `verify`. */
export interface VerifyOptions extends CallOptions {
  /** Called now and then with what is done and what there is, in bytes. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** A store of the core. */
export interface EmbeddedStore extends Store {
  /**
   * The value of a key, at once: for exit handlers, and where a promise costs too much. The bytes
   * are the caller's, but small values share one `buffer`, as Node's own Buffers do.
   */
  getSync(key: string): Uint8Array | undefined;
  /**
   * The same into memory that the caller has, which is faster still. Returns the value's length;
   * where that is more than `into` holds, nothing was copied.
   */
  getSync(key: string, into: Uint8Array): number | undefined;
  /** Makes everything acknowledged so far durable. */
  flush(options?: CallOptions): Promise<void>;
  /** Figures for people: entries, bytes, segments, ... */
  stats(options?: CallOptions): Promise<Record<string, number>>;
  /** Reads everything and checks every checksum. Damage is listed; an empty list means none. */
  verify(options?: VerifyOptions): Promise<KeepstateError[]>;
  /** Does the maintenance that is due, now. */
  compact(options?: CallOptions): Promise<void>;
  /** A store that reads as of now, whatever is written beside it, until it is closed. */
  view(): EmbeddedStore;
}

/** Whether a store is one of the core. */
export function isEmbedded(store: Store): store is EmbeddedStore {
  return typeof (store as Partial<EmbeddedStore>).getSync === "function";
}
