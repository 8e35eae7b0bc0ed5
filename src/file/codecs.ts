/**
 * Codecs of one's own for single files. Those of the core (gzip, zstd, lz4, brotli) are found by
 * the core; one's own wraps a file: `a.json.xyz` is `a.json` in the codec with the extension `xyz`.
 */

import { KeepstateError } from "../errors.js";

/** What a decompression may give at most: no stored length is believed beyond it. */
export interface DecompressOptions {
  readonly maxLength: number;
}

/** A way to make bytes fewer, and back. */
export interface Codec {
  /** Its name, for messages. */
  readonly name: string;
  /** What stands at the end of a file's name, without the dot, as in `a.json.xyz`. */
  readonly extension: string;
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  decompress(bytes: Uint8Array, options: DecompressOptions): Uint8Array | Promise<Uint8Array>;
}

/** A file's name without the extension of one's own codec, and that codec. */
export interface Wrapped {
  readonly name: string;
  readonly codec: Codec | undefined;
}

// The names and extensions of the core.
const TAKEN = ["none", "gzip", "zstd", "lz4", "brotli", "json", "ks", "gz", "zst", "br"];
const FILE_NAME = /\.(?:ks|json|json\.(?:gz|zst|lz4|br))$/;

/** The codecs of one's own, by extension. */
export class Codecs {
  readonly #own = new Map<string, Codec>();

  /** Names and extensions must be new. */
  constructor(own: readonly Codec[] = []) {
    for (const codec of own) this.#add(codec);
  }

  /** Takes the extension of one's own codec off a name. */
  unwrap(name: string): Wrapped {
    const cut = name.lastIndexOf(".");
    const codec = cut < 0 ? undefined : this.#own.get(name.slice(cut + 1));
    return codec ? { name: name.slice(0, cut), codec } : { name, codec: undefined };
  }

  /** Whether a key is named as single files are. */
  isFileName(name: string): boolean {
    return FILE_NAME.test(this.unwrap(name).name);
  }

  #add(codec: Codec): void {
    const { name, extension } = codec;
    const fits = [name, extension].every(
      (text) => /^[a-z0-9][a-z0-9+-]*$/.test(text) && !TAKEN.includes(text),
    );
    const names = [...this.#own.values()].map((own) => own.name);
    if (fits && !names.includes(name) && !this.#own.has(extension)) {
      this.#own.set(extension, codec);
      return;
    }
    const message =
      `A codec cannot be named ${JSON.stringify(name)} with the extension ` +
      `${JSON.stringify(extension)}: both are lower-case letters and digits, and not taken.`;
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
}
