/** Codecs of single files: those of the core, and one's own, by name and by the end of a file's name. */

import { KeepstateError } from "../errors.js";
import type { NativeCodec } from "../native/addon.js";
import { settled } from "../native/record.js";
import { native } from "../native.js";
import { suggest } from "../suggest.js";

/** What a decompression may give at most: no stored length is believed beyond it. */
export interface DecompressOptions {
  readonly maxLength: number;
}

/** A way to make bytes fewer, and back. */
export interface Codec {
  /** Its name, as in `codec: "zstd"`. */
  readonly name: string;
  /** What stands at the end of a file's name, without the dot, as in `a.json.zst`. */
  readonly extension: string;
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  decompress(
    bytes: Uint8Array,
    options: DecompressOptions,
  ): Uint8Array | Promise<Uint8Array>;
}

const BUILT_IN: Readonly<Record<Exclude<NativeCodec, "none">, string>> = {
  gzip: "gz",
  zstd: "zst",
  lz4: "lz4",
  brotli: "br",
};

const NONE: Codec = {
  name: "none",
  extension: "",
  compress: (bytes) => bytes,
  decompress: (bytes) => bytes,
};

/** The codecs of one engine. */
export class Codecs {
  readonly #known: Codec[] = [
    NONE,
    ...Object.entries(BUILT_IN).map(([name, extension]) =>
      ofCore(name as NativeCodec, extension),
    ),
  ];

  /** With codecs of one's own; their names and extensions must be new. */
  constructor(own: readonly Codec[] = []) {
    for (const codec of own) this.#add(codec);
  }

  /** The codec of this name, or UNKNOWN_CODEC with what there is. */
  named(name: string): Codec {
    return this.#known.find((codec) => codec.name === name) ?? unknown(name, this.#names());
  }

  /** The codec that the end of a file's name stands for; the empty one for none. */
  ending(extension: string): Codec | undefined {
    return this.#known.find((codec) => codec.extension === extension);
  }

  /** The ends that file names may have. */
  get extensions(): string[] {
    return this.#known.map(({ extension }) => extension).filter((extension) => extension);
  }

  #names(): string[] {
    return this.#known.map(({ name }) => name);
  }

  #add(codec: Codec): void {
    const { name, extension } = codec;
    const fits = [name, extension].every((text) => /^[a-z0-9][a-z0-9+-]*$/.test(text));
    const taken = this.#known.some((one) => one.name === name || one.extension === extension);
    if (fits && !taken && extension !== "json" && extension !== "ks") {
      this.#known.push(codec);
      return;
    }
    const message =
      `A codec cannot be named ${JSON.stringify(name)} with the extension ` +
      `${JSON.stringify(extension)}: both are lower-case letters and digits, and not taken.`;
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
}

function ofCore(name: NativeCodec, extension: string): Codec {
  return {
    name,
    extension,
    compress: (bytes) => settled(native().compress(name, bytes)),
    decompress: (bytes, options) => settled(native().decompress(name, bytes, options)),
  };
}

function unknown(name: string, names: readonly string[]): never {
  const message =
    `No codec is named ${name}.${suggest(name, names)} There are ${names.join(", ")}; ` +
    "give others to open({ codecs }).";
  throw new KeepstateError("UNKNOWN_CODEC", message);
}
