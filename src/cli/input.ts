/** What the command line is given: files and standard input. */

import { createReadStream } from "node:fs";

import { KeepstateError } from "../errors.js";
import type { Terminal } from "./terminal.js";

/** What a command reads: a file, or standard input for `-` or no name. */
export interface Input {
  readonly name: string | undefined;
  /** What to say where nobody pipes anything in. */
  readonly missing: string;
}

/** All the bytes of an input. */
export async function readInput(input: Input, terminal: Terminal): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of await openInput(input, terminal)) parts.push(part);
  return Buffer.concat(parts);
}

/** The same in pieces, of which the first was read: what cannot be read makes no store. */
export async function openInput(
  { name, missing }: Input,
  terminal: Terminal,
): Promise<AsyncIterable<Uint8Array>> {
  if (name === undefined && terminal.world.stdin.isTTY) {
    throw new KeepstateError("INVALID_ARGUMENT", missing);
  }
  const pieces = name === undefined || name === "-" ? piped(terminal) : named(name, terminal);
  const first = await pieces.next();
  async function* all(): AsyncGenerator<Uint8Array> {
    if (first.done) return;
    yield first.value;
    yield* pieces;
  }
  return all();
}

async function* named(
  path: string,
  { world: { signal } }: Terminal,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const part of createReadStream(path, { signal })) yield part as Uint8Array;
  } catch (cause) {
    throw unreadable(path, cause, signal);
  }
}

async function* piped({
  world: { stdin, signal },
}: Terminal): AsyncGenerator<Uint8Array, void> {
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

function unreadable(path: string, cause: unknown, signal: AbortSignal): KeepstateError {
  signal.throwIfAborted();
  const { code, message: why } = cause as NodeJS.ErrnoException;
  const missing = code === "ENOENT";
  const message = missing ? `There is no file ${path}.` : `${path} cannot be read: ${why}.`;
  return new KeepstateError(missing ? "NOT_FOUND" : "IO", message, { cause, path });
}
