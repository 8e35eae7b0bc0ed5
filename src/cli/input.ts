/** What the command line is given: files and standard input. */

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";

import { KeepstateError } from "../errors.js";
import type { Terminal } from "./terminal.js";

/** The bytes of a file, or of standard input for `-` or no name. */
export async function readInput(name: string | undefined, terminal: Terminal): Promise<Uint8Array> {
  const { stdin, signal } = terminal.world;
  if (name !== undefined && name !== "-") return readNamed(name, signal);
  if (name === undefined && stdin.isTTY) {
    const message = "There is no state to save. Name a file, or pipe one in: ... < state.json";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  const parts: Uint8Array[] = [];
  for await (const part of piped(terminal)) parts.push(part);
  return Buffer.concat(parts);
}

/** The same in pieces, as they come. */
export async function* streamInput(name: string, terminal: Terminal): AsyncGenerator<Uint8Array> {
  if (name === "-") return yield* piped(terminal);
  const { signal } = terminal.world;
  try {
    for await (const part of createReadStream(name, { signal })) yield part as Uint8Array;
  } catch (cause) {
    throw unreadable(name, cause, signal);
  }
}

async function* piped({ world: { stdin, signal } }: Terminal): AsyncGenerator<Uint8Array> {
  const stop = (): void => void stdin.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const part of stdin) yield part as Uint8Array;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The text of UTF-8 bytes, or INVALID_ARGUMENT. */
export function textOf(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = `${what} is no UTF-8 text. Save it as bytes with --raw.`;
    throw new KeepstateError("INVALID_ARGUMENT", message, { cause });
  }
}

/** Asks on the terminal; only a clear yes is one. */
export async function confirm(question: string, { world }: Terminal): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const asking = createInterface({ input: world.stdin, output: world.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `, { signal: world.signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}

async function readNamed(path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    throw unreadable(path, cause, signal);
  }
}

function unreadable(path: string, cause: unknown, signal: AbortSignal): KeepstateError {
  signal.throwIfAborted();
  const { code, message: why } = cause as NodeJS.ErrnoException;
  const missing = code === "ENOENT";
  const message = missing ? `There is no file ${path}.` : `${path} cannot be read: ${why}.`;
  return new KeepstateError(missing ? "NOT_FOUND" : "IO", message, { cause, path });
}
