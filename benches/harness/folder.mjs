// Scratch folders on the disk that holds the project, and what a folder weighs.
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// Not the system's temporary folder: where that is memory, every fsync would be free.
const SCRATCH = fileURLToPath(new URL("../build/scratch/", import.meta.url));

export function scratchFolder() {
  mkdirSync(SCRATCH, { recursive: true });
  return mkdtempSync(join(SCRATCH, "run-"));
}

export function removeFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
}

/** The sum of file lengths under a folder: what a copy of it would take. */
export function folderBytes(folder) {
  let total = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) total += lstatSync(join(entry.parentPath, entry.name)).size;
  }
  return total;
}
