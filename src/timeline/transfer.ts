/** Timelines as files: out in parts, in from pieces of any size, and from store to store. */

import { abortable } from "../abort.js";
import { KeepstateError } from "../errors.js";
import type { NativeCursor } from "../native/insight.js";
import type { Importing, TimelineCore } from "./core.js";
import { checkKnown, checkNumbers, given, invalid, type SignalOptions } from "./options.js";
import { formatName, type TimelineName } from "./reference.js";
import type { Imported, TransferOptions } from "./results.js";
import { snapshotOf } from "./snapshot.js";

/** What an export tells. */
export interface ExportOptions extends SignalOptions {
  /** Only what comes behind this number: a file that a copy which ends there goes on from. */
  readonly after?: number | undefined;
}

/** Where the pieces of a file come from: its bytes, an array of pieces, any kind of stream. */
export type FileSource =
  | Uint8Array
  | Iterable<Uint8Array>
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>;

/** A timeline as it is at one moment, whatever is written beside. */
export interface Still {
  readonly core: TimelineCore;
  close(): Promise<void>;
}

/** What is exported. */
export interface Exported {
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  readonly requireOpen: () => void;
  /** Where the store has no views it is the timeline itself. */
  readonly still: () => Still;
}

// So many bytes of a piece are handed over at once: they are copied.
const PIECE = 2 ** 20;

/** Checks what an export was given. */
export function checkExport(options: ExportOptions): void {
  checkKnown("export", options, ["after", "signal"]);
  checkNumbers({ after: options.after });
}

/** The timeline as a file, in parts of some megabytes, each read when it is asked for. */
export async function* exportTimeline(
  { still, track, requireOpen }: Exported,
  { after, signal }: ExportOptions,
): AsyncGenerator<Uint8Array, void> {
  signal?.throwIfAborted();
  requireOpen();
  const { core, close } = still();
  try {
    let next: NativeCursor | undefined = given({ after });
    while (next) {
      requireOpen();
      const part: { bytes: Uint8Array; next?: NativeCursor } = await track(core.part(next, signal));
      yield part.bytes;
      next = part.next;
    }
  } finally {
    await close();
  }
}

/** Checks what an import was given. */
export function checkTransfer(call: string, options: TransferOptions, more: string[] = []): void {
  checkKnown(call, options, ["signal", "onProgress", ...more]);
  const { onProgress } = options;
  if (onProgress === undefined || typeof onProgress === "function") return;
  throw invalid(`onProgress must be a function, not ${String(onProgress)}.`);
}

/** Makes a timeline of a file. Nothing of it counts, and nothing stays, unless all of it holds. */
export async function importTimeline(
  { name, core }: { name: TimelineName; core: TimelineCore },
  source: FileSource,
  { signal, onProgress }: TransferOptions,
): Promise<Imported> {
  signal?.throwIfAborted();
  const pieces = iterate(source);
  const importing = core.importing();
  try {
    await takeAll(importing, pieces, { signal, onProgress });
    const snapshot = snapshotOf(name, await importing.finish());
    return { snapshot, ...importing.taken() };
  } catch (error) {
    // A source that hangs is not waited for.
    void (async () => pieces.return?.())().catch(() => undefined);
    // What cannot be removed now goes when the timeline is packed; the failure itself matters more.
    await importing.abandon().catch(() => undefined);
    throw error;
  }
}

async function takeAll(
  importing: Importing,
  pieces: Iterator<unknown> | AsyncIterator<unknown>,
  { signal, onProgress }: TransferOptions,
): Promise<void> {
  for (;;) {
    const { done, value } = await abortable(signal, () => pieces.next());
    if (done) return;
    if (!(value instanceof Uint8Array)) {
      const kind = typeof value === "object" ? "another object" : `a ${typeof value}`;
      throw invalid(`A piece of a file is ${kind}; give Uint8Arrays, as a stream of a file does.`);
    }
    for (let at = 0; at < value.length; at += PIECE) {
      signal?.throwIfAborted();
      await importing.take(value.subarray(at, at + PIECE));
      onProgress?.(importing.taken());
    }
  }
}

function iterate(source: FileSource): Iterator<unknown> | AsyncIterator<unknown> {
  if (source instanceof Uint8Array) return [source][Symbol.iterator]();
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  const hint = typeof source === "string" ? " For a file give createReadStream(path)." : "";
  throw invalid(`A timeline comes from a Uint8Array, an iterable or a stream of them.${hint}`);
}

/** CONFLICT: a copy does not belong to what is to be copied to it. */
export function parted(copy: string, own: TimelineName, why: string): KeepstateError {
  const message =
    `${copy} in the other store ${why}, so it is no copy of ${formatName(own)} that can go on. ` +
    "Copy to another name.";
  return new KeepstateError("CONFLICT", message, { timeline: copy });
}
