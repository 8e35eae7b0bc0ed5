/**
 * The core's codecs and digests for bytes of one's own. The `Sync` forms work on this thread and
 * are for small inputs; the others copy what they are given and work on the pool.
 */

import { abortable } from "./abort.js";
import { KeepstateError } from "./errors.js";
import type { NativeCodec, NativeDigest } from "./native/addon.js";
import { settled, value } from "./native/record.js";
import { native } from "./native.js";
import type { CallOptions } from "./ports/store.js";

/** The digests of the core. */
export type DigestName = NativeDigest;
/** The codecs of the core. */
export type CodecName = NativeCodec;

/** How bytes are compressed. */
export interface CompressOptions {
  readonly codec: CodecName;
  /** gzip 0 to 9, zstd -7 to 19, brotli 0 to 11; lz4 and none have one level only. */
  readonly level?: number | undefined;
}

/** How bytes are decompressed. */
export interface DecompressBytesOptions {
  readonly codec: CodecName;
  /** No more than this is ever made, whatever the input says; 1 GiB by default. */
  readonly maxLength?: number | undefined;
}

const MAX_LENGTH = 1 << 30;

/** The digest of bytes as hex digits. */
export function digestSync(name: DigestName, bytes: Uint8Array): string {
  return value(native().digestSync(name, bytes));
}

/** The digest of bytes as hex digits. */
export async function digest(
  name: DigestName,
  bytes: Uint8Array,
  { signal }: CallOptions = {},
): Promise<string> {
  return abortable(signal, () => settled(native().digest(name, bytes)));
}

/** Compresses bytes. */
export function compressSync(bytes: Uint8Array, options: CompressOptions): Uint8Array {
  const { codec, level } = given(options);
  return value(native().compressSync(codec, bytes, level));
}

/** Compresses bytes. */
export async function compress(
  bytes: Uint8Array,
  options: CompressOptions & CallOptions,
): Promise<Uint8Array> {
  const { codec, level, signal } = given(options);
  return abortable(signal, () => settled(native().compress(codec, bytes, level)));
}

/** Brings bytes back. Damage is CODEC_FAILED or CORRUPT. */
export function decompressSync(bytes: Uint8Array, options: DecompressBytesOptions): Uint8Array {
  const { codec, maxLength = MAX_LENGTH } = given(options);
  return value(native().decompressSync(codec, bytes, { maxLength }));
}

/** Brings bytes back. Damage is CODEC_FAILED or CORRUPT. */
export async function decompress(
  bytes: Uint8Array,
  options: DecompressBytesOptions & CallOptions,
): Promise<Uint8Array> {
  const { codec, maxLength = MAX_LENGTH, signal } = given(options);
  return abortable(signal, () => settled(native().decompress(codec, bytes, { maxLength })));
}

/**
 * Where content-defined chunks of bytes end; the last end is their length. Equal content gives
 * equal chunks wherever it stands.
 */
export function chunkEnds(bytes: Uint8Array): number[] {
  return value(native().chunk(bytes));
}

function given<T>(options: T): T {
  if (typeof options === "object" && options !== null) return options;
  const message = "Name a codec: { codec } is gzip, zstd, lz4, brotli or none.";
  throw new KeepstateError("INVALID_ARGUMENT", message);
}
