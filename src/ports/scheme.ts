/** How a URL becomes a store: what an adapter tells `schemes.ts`. */

import type { KeepstateError } from "../errors.js";
import type { Setting } from "./setting.js";
import type { Store } from "./store.js";

/** The values of a URL's parameters, by name, as their settings read them. */
export type Parameters = Readonly<Record<string, string | number | boolean>>;

/** A kind of store that URLs can name. */
export interface Scheme {
  /** One line for people, as in `keepstate doctor`. */
  readonly summary: string;
  /** The parameters that the URL may have; any other is INVALID_CONFIG. */
  readonly parameters: Readonly<Record<string, Setting>>;
  /** Opens the store at what stands behind the scheme, percent-decoded. */
  open(location: string, parameters: Parameters): Promise<Store>;
  /** Mends a store that is too damaged to be opened; absent where there is no such thing. */
  repair?(location: string): Promise<StoreRepaired>;
}

/** What a repair of a store has done. */
export interface StoreRepaired {
  /** How many of the log's frames were kept. */
  readonly kept: number;
  /** What was lost or is doubtful, each with its place. */
  readonly lost: readonly KeepstateError[];
  /** Where the damaged files are now: nothing is thrown away. */
  readonly copies: readonly string[];
}
