/** Files that the command line writes: whole, or not at all. */

import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";

import { type Code, KeepstateError } from "../errors.js";
import type { Call } from "./command.js";

/** Parts of an answer, which may still be on their way. */
export type Parts = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

const CODES: Readonly<Record<string, Code>> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "READ_ONLY",
  ENOENT: "NOT_FOUND",
  ENOTDIR: "NOT_FOUND",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
};

/**
 * Writes the answer to the file that `--output` names, else to standard output. A file is written
 * under another name and gets its own at the end, so that nobody ever sees half of one.
 */
export async function writeOutput({ get, terminal }: Call, parts: Parts): Promise<void> {
  const path = get("output");
  if (path === undefined || path === "-") {
    for await (const part of parts) await terminal.bytes(part);
    return;
  }
  const { signal } = terminal.world;
  const temporary = `${path}.${randomUUID().slice(0, 8)}.part`;
  try {
    const file = await open(temporary, "wx").catch(refused(path));
    try {
      for await (const part of parts) {
        signal.throwIfAborted();
        await file.writeFile(part).catch(refused(path));
      }
      await file.sync().catch(refused(path));
    } finally {
      await file.close();
    }
    await rename(temporary, path).catch(refused(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

function refused(path: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    const code = CODES[cause.code ?? ""] ?? "IO";
    const hint = code === "NOT_FOUND" ? "Is there such a folder?" : "Name another file.";
    const message = `${path} cannot be written (${cause.message}). ${hint}`;
    throw new KeepstateError(code, message, { cause, path });
  };
}
