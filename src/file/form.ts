/** Single files as bytes: which form a name stands for, and the way there and back. */

import { KeepstateError } from "../errors.js";
import { settled } from "../native/record.js";
import { native } from "../native.js";
import type { Clock } from "../ports/clock.js";
import { decodeState, encodeState } from "./state.js";
import type { Codec, Codecs } from "./codecs.js";
import { readContainer, writeContainer } from "./container.js";
import { readEnvelope, writeEnvelope } from "./envelope.js";
import type { FileMetadata, FileSaveOptions } from "./metadata.js";

/** What a file is made with. */
export interface FileTools {
  readonly codecs: Codecs;
  readonly clock: Clock;
}

/** A state that was read from a file, and proven. */
export interface Opened {
  readonly state: unknown;
  readonly metadata: FileMetadata;
}

// A file that says it is larger is damaged, or made to fill the memory.
const MAX_LENGTH = 2 ** 31 - 1;

/** The bytes of a file of this name. The state is taken before the promise is returned. */
export async function sealFile(
  name: string,
  state: unknown,
  options: FileSaveOptions & FileTools,
): Promise<{ bytes: Uint8Array; metadata: FileMetadata }> {
  const form = formOf(name, options.codecs);
  const { bytes: raw, encoding } = await encodeState(state, form.kind);
  const codec = form.codec ?? options.codecs.named(options.codec ?? "zstd");
  const sha256 = await settled(native().digest("sha256", raw));
  const metadata = describe({ encoding, size: raw.length, hash: `sha256:${sha256}` }, options);
  if (form.kind === "json") {
    const text = writeEnvelope(metadata, Buffer.from(raw).toString());
    return { metadata, bytes: await codec.compress(Buffer.from(text)) };
  }
  const stored = await codec.compress(raw);
  const parts = { codec: codec.name, metadata, rawLength: raw.length, sha256, stored };
  return { metadata, bytes: writeContainer(parts) };
}

/** The state of a file of this name. What is wrong with it is an error with its key. */
export async function openFile(
  name: string,
  bytes: Uint8Array,
  { codecs }: Pick<FileTools, "codecs">,
): Promise<Opened> {
  try {
    const form = formOf(name, codecs);
    return await (form.kind === "json" ? openJson(bytes, form.codec) : openContainer(bytes, codecs));
  } catch (error) {
    if (!(error instanceof KeepstateError) || error.key !== undefined) throw error;
    throw new KeepstateError(error.code, `${name}: ${error.message}`, { cause: error, key: name });
  }
}

async function openJson(bytes: Uint8Array, codec: Codec): Promise<Opened> {
  const plain = await codec.decompress(bytes, { maxLength: MAX_LENGTH });
  const { metadata, state } = readEnvelope(textOf(plain));
  const raw = Buffer.from(state);
  await prove(raw, String(metadata.hash).replace(/^sha256:/, ""));
  return { metadata, state: await decodeState(raw, "json") };
}

async function openContainer(bytes: Uint8Array, codecs: Codecs): Promise<Opened> {
  const { codec, metadata, rawLength, sha256, stored } = readContainer(bytes);
  const raw = await codecs.named(codec).decompress(stored, { maxLength: rawLength });
  await prove(raw, sha256);
  return { metadata, state: await decodeState(raw, metadata.encoding) };
}

async function prove(raw: Uint8Array, expected: string): Promise<void> {
  const actual = await settled(native().digest("sha256", raw));
  if (actual === expected) return;
  const message =
    `The state's SHA-256 is ${actual}, but the file says ${expected}. It was changed or damaged: ` +
    "restore it from a copy.";
  throw new KeepstateError("HASH_MISMATCH", message);
}

type Form =
  | { readonly kind: "json"; readonly codec: Codec }
  | { readonly kind: "ks"; readonly codec?: undefined };

/** The form that the end of a name stands for, or INVALID_ARGUMENT with what there is. */
function formOf(name: string, codecs: Codecs): Form {
  if (name.endsWith(".ks")) return { kind: "ks" };
  const match = /\.json(?:\.([^./]+))?$/.exec(name);
  const codec = match && codecs.ending(match[1] ?? "");
  if (codec) return { kind: "json", codec };
  const ends = codecs.extensions.map((extension) => `.json.${extension}`);
  const message = `${name} must end in .json, ${ends.join(", ")} or .ks.`;
  throw new KeepstateError(match ? "UNKNOWN_CODEC" : "INVALID_ARGUMENT", message, { key: name });
}

/** Whether a key is the name of a single file. */
export function isFileName(name: string, codecs: Codecs): boolean {
  const match = /\.(?:ks|json(?:\.([^./]+))?)$/.exec(name);
  return match !== null && codecs.ending(match[1] ?? "") !== undefined;
}

function describe(
  proven: Pick<FileMetadata, "encoding" | "size" | "hash">,
  options: FileSaveOptions & FileTools,
): FileMetadata {
  const { agent, session, index, label, description, metadata, clock } = options;
  const time = new Date(clock.now()).toISOString();
  const all = { agent, session, index, time, label, description, ...proven, metadata };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as FileMetadata;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = "It is no UTF-8 text, and so no state that Keepstate saved.";
    throw new KeepstateError("NOT_OURS", message, { cause });
  }
}
