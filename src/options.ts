/** What `open` may be given in code. */

import type { Encoding } from "./encode/encoding.js";
import { type Type, Types } from "./encode/types.js";
import { KeepstateError } from "./errors.js";
import type { Codec } from "./file/codecs.js";
import type { Clock } from "./ports/clock.js";
import type { Store } from "./ports/store.js";
import { KEYS } from "./config/keys.js";
import { suggest } from "./suggest.js";

/** A store by URL, with values for the parameters that its URL leaves open. */
export interface StoreOptions {
  readonly url: string;
  readonly [parameter: string]: string | number | boolean;
}

/** Options of `open`. */
export interface OpenOptions {
  /** A URL or path, the name of one of `stores`, or a Store of one's own. */
  readonly store?: string | Store | undefined;
  /** Stores by name. */
  readonly stores?: Readonly<Record<string, string | StoreOptions>> | undefined;
  /** `sync`: an acknowledged save is on disk; `async`: it survives a killed process. */
  readonly durability?: "sync" | "async" | undefined;
  /** Refuse every write. */
  readonly readOnly?: boolean | undefined;
  /** Make the folder if it is not there (the default); `false`: NOT_FOUND where it is not. */
  readonly create?: boolean | undefined;
  /** `full`: also keep a SHA-256 of each whole state. */
  readonly integrity?: "fast" | "full" | undefined;
  /** How hard new bytes are compressed (zstd level). */
  readonly level?: number | undefined;
  /** Allow a store without conditional writes: only one process may then write. */
  readonly singleWriter?: boolean | undefined;
  /** `auto`: small values become few large ones in the background; `off`: only by `run.pack()`. */
  readonly packing?: "auto" | "off" | undefined;
  /** Values for all options that are not given. */
  readonly preset?: "development" | "production" | "secure" | "full" | undefined;
  /** Which profile of the configuration file counts. */
  readonly profile?: string | undefined;
  /** Encodings of one's own, for states. */
  readonly encodings?: readonly Encoding[] | undefined;
  /** Types of one's own, whose values come back as such. */
  readonly types?: readonly Type[] | undefined;
  /** Codecs of one's own, for single files. */
  readonly codecs?: readonly Codec[] | undefined;
  /** Gives up waiting for the store to open. */
  readonly signal?: AbortSignal | undefined;
  /** Where time and randomness come from. */
  readonly clock?: Clock | undefined;
  /** Is told what failed in the background; such failures are in `stats()` as well. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The options that are no text, number or boolean, and so no configuration. */
export type Objects = Pick<
  OpenOptions,
  "encodings" | "codecs" | "clock" | "signal" | "onError"
> & {
  readonly store?: Store | undefined;
  readonly types: Types;
};

const OBJECTS = ["encodings", "types", "codecs", "clock", "signal", "onError"];

/** Parts configuration from objects. An unknown option is INVALID_CONFIG. */
export function splitOptions(options: OpenOptions): {
  values: Record<string, unknown>;
  objects: Objects;
} {
  if (typeof options !== "object" || options === null) {
    throw new KeepstateError("INVALID_CONFIG", "open takes a URL, a path or an object of options.");
  }
  const known = [...Object.keys(KEYS), "stores", ...OBJECTS];
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const message = `open has no option ${name}.${suggest(name, known)}`;
    throw new KeepstateError("INVALID_CONFIG", message);
  }
  const { encodings, types, codecs, clock, signal, onError, store, ...values } = options;
  if (onError !== undefined && typeof onError !== "function") {
    throw new KeepstateError("INVALID_CONFIG", "onError must be a function.");
  }
  const own = typeof store === "object" ? store : undefined;
  return {
    values: own ? values : { ...values, store },
    objects: { encodings, types: new Types(types), codecs, clock, signal, onError, store: own },
  };
}
