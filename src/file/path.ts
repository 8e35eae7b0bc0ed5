/** Single files at paths of the file system, without a store. */

import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

import { type Code, KeepstateError } from "../errors.js";
import { systemClock } from "../ports/clock.js";
import { type Codec, Codecs } from "./codecs.js";
import { openFile, sealFile } from "./form.js";
import type { FileMetadata, FileSaveOptions } from "./metadata.js";

/** What restoring from a path takes. */
export interface RestoreFileOptions {
  /** Codecs of one's own. */
  readonly codecs?: readonly Codec[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What saving to a path takes. */
export interface SaveFileOptions extends FileSaveOptions {
  /** Codecs of one's own. */
  readonly codecs?: readonly Codec[] | undefined;
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
  const { codecs, signal } = options;
  signal?.throwIfAborted();
  const tools = { codecs: new Codecs(codecs), clock: systemClock };
  const { bytes, metadata } = await sealFile(path, state, { ...options, ...tools });
  signal?.throwIfAborted();
  await onSystem(path, () => replace(path, bytes));
  return metadata;
}

/** The state that was saved to a path, proven by its hash. */
export async function restoreFile<State = unknown>(
  path: string,
  options: RestoreFileOptions = {},
): Promise<State> {
  const { codecs, signal } = options;
  signal?.throwIfAborted();
  const bytes = await onSystem(path, () => readFile(path));
  signal?.throwIfAborted();
  return (await openFile(path, bytes, { codecs: new Codecs(codecs) })).state as State;
}

/** Writes beside, syncs, renames, and syncs the folder, so that the new name survives too. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const fresh = `${path}.${Buffer.from(systemClock.random(6)).toString("hex")}.new`;
  try {
    await writeSynced(fresh, bytes);
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
  if (process.platform !== "win32") await syncFolder(folder);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o666);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const CODES: Readonly<Record<string, readonly [Code, string]>> = {
  ENOENT: ["NOT_FOUND", "check that the path exists"],
  EACCES: ["PERMISSION", "check the owner and mode of the file and its folder"],
  EPERM: ["PERMISSION", "check the owner and mode of the file and its folder"],
  EROFS: ["READ_ONLY", "name a path on another file system"],
  ENOSPC: ["DISK_FULL", "free some space"],
  EDQUOT: ["DISK_FULL", "free some space"],
};

/** A failure of the operating system as an error with the code that it means. */
async function onSystem<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const [meaning, advice] = CODES[code] ?? (["IO", "check the disk and try again"] as const);
    const text = `${path}: ${message}; ${advice}.`;
    throw new KeepstateError(meaning, text, { cause, path });
  }
}
