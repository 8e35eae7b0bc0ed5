/** Single files as bytes, and back: what the core does not know of them is put around it here. */

import type { Types } from "../encode/types.js";
import { KeepstateError } from "../errors.js";
import type { NativeFileMetadata } from "../native/file.js";
import { settled } from "../native/record.js";
import { native } from "../native.js";
import type { Clock } from "../ports/clock.js";
import type { Codecs, Wrapped } from "./codecs.js";
import type { FileMetadata, FileSaveOptions } from "./metadata.js";
import { decodeState, encodeState } from "./state.js";

/** What a file is made with. */
export interface FileTools {
  readonly codecs: Codecs;
  readonly clock: Clock;
  /** Those of one's own. */
  readonly types: Types;
}

// What one's own codec may give at most.
const MAX_LENGTH = 2 ** 31 - 1;

/** The bytes of a file of this name. The state is taken before the promise is returned. */
export async function sealFile(
  name: string,
  state: unknown,
  options: FileSaveOptions & FileTools,
): Promise<{ bytes: Uint8Array; metadata: FileMetadata }> {
  const inner = options.codecs.unwrap(name);
  const form = inner.name.endsWith(".ks") ? "ks" : "json";
  const { bytes: raw, encoding } = await encodeState(state, form, options.types);
  const said = nativeMetadata(encoding, options);
  const sealed = await settled(native().sealFile(inner.name, raw, said));
  const metadata = await settled(native().fileMetadata(inner.name, sealed));
  const bytes = inner.codec ? await inner.codec.compress(sealed) : sealed;
  return { bytes, metadata: JSON.parse(metadata) as FileMetadata };
}

/** The state of a file of this name, proven by its hash. */
export async function openFile(
  name: string,
  bytes: Uint8Array,
  { codecs, types }: Omit<FileTools, "clock">,
): Promise<unknown> {
  const { inner, plain } = await unwrapped(name, bytes, codecs);
  const { state, metadata } = await settled(native().openFile(inner.name, plain));
  return decodeState(state, (JSON.parse(metadata) as FileMetadata).encoding, types);
}

/** What a file says of its state, which is not proven. */
export async function readMetadata(
  name: string,
  bytes: Uint8Array,
  codecs: Codecs,
): Promise<FileMetadata> {
  const { inner, plain } = await unwrapped(name, bytes, codecs);
  return JSON.parse(await settled(native().fileMetadata(inner.name, plain))) as FileMetadata;
}

async function unwrapped(
  name: string,
  bytes: Uint8Array,
  codecs: Codecs,
): Promise<{ inner: Wrapped; plain: Uint8Array }> {
  const inner = codecs.unwrap(name);
  if (!inner.codec) return { inner, plain: bytes };
  try {
    return { inner, plain: await inner.codec.decompress(bytes, { maxLength: MAX_LENGTH }) };
  } catch (cause) {
    const message = `The codec ${inner.codec.name} could not read ${name}; is it damaged?`;
    throw new KeepstateError("CODEC_FAILED", message, { cause, key: name });
  }
}

function nativeMetadata(
  encoding: string,
  options: FileSaveOptions & FileTools,
): NativeFileMetadata {
  const { agent, session, index, label, description, metadata, codec, clock } = options;
  const user = metadata && JSON.stringify(metadata);
  const names = { agent, session, index, label, description };
  const said = { ...names, time: clock.now(), encoding, user, codec };
  const given = Object.entries(said).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as NativeFileMetadata;
}
