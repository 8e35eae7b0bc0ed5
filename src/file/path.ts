/** Single files at paths of the file system, without a store. */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { type Type, Types } from "../encode/types.js";
import { settled } from "../native/record.js";
import { native } from "../native.js";
import { systemClock } from "../ports/clock.js";
import { type Codec, Codecs } from "./codecs.js";
import { openFile, sealFile } from "./form.js";
import type { FileMetadata, FileSaveOptions } from "./metadata.js";

/** What restoring from a path takes. */
export interface RestoreFileOptions {
  /** Codecs of one's own. */
  readonly codecs?: readonly Codec[] | undefined;
  /** Types of one's own. */
  readonly types?: readonly Type[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What saving to a path takes. */
export interface SaveFileOptions extends FileSaveOptions {
  /** Codecs of one's own. */
  readonly codecs?: readonly Codec[] | undefined;
  /** Types of one's own. */
  readonly types?: readonly Type[] | undefined;
}

/**
 * Saves a state to a path, whole or not at all: it is on disk when the promise resolves, and until
 * then the old file stays. Folders are made.
 */
export async function saveFile(
  path: string,
  state: unknown,
  options: SaveFileOptions = {},
): Promise<FileMetadata> {
  const { codecs, types, signal } = options;
  signal?.throwIfAborted();
  const tools = { codecs: new Codecs(codecs), types: new Types(types), clock: systemClock };
  const { bytes, metadata } = await sealFile(path, state, { ...options, ...tools });
  signal?.throwIfAborted();
  await makeFolder(dirname(path));
  await settled(native().saveFilePath(path, bytes));
  return metadata;
}

/** The state that was saved to a path, proven by its hash. */
export async function restoreFile<State = unknown>(
  path: string,
  options: RestoreFileOptions = {},
): Promise<State> {
  const { codecs, types, signal } = options;
  signal?.throwIfAborted();
  const tools = { codecs: new Codecs(codecs), types: new Types(types) };
  const bytes = await settled(native().readFilePath(path));
  signal?.throwIfAborted();
  return (await openFile(path, bytes, tools)) as State;
}

/** What fails here fails again, with a better message, when the file is written. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(() => undefined);
}
