/**
 * States in pieces. What comes is staged natively, and fed some megabytes at a time, a few of them
 * at once: so the source waits for the store, and memory holds only what is on its way.
 */

import { abortable } from "../abort.js";
import { KeepstateError } from "../errors.js";
import type { NativeInflow, NativeOutflow, NativeStreamed } from "../native/stream.js";
import type { Flows, TimelineCore } from "./core.js";

/** Where the pieces of a state come from: an array of them, a generator, any kind of stream. */
export type StreamSource =
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | NodeJS.ReadableStream;

/** A web stream that `for await` takes as well. */
export type StateStream = ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>;

/** How many bytes are fed at once. */
const FED = 2 * 2 ** 20;
/** How many feeds are under way: one is hashed and cut while others are stored. */
const UNDER_WAY = 4;
/** A state that is not longer is saved at once, so that it is compared with the one before. */
const SMALL = 256 * 1024;

interface Sending<T> {
  readonly signal: AbortSignal | undefined;
  /** Saves what has come. */
  readonly send: (bytes: Uint8Array, streamed?: NativeStreamed) => Promise<T>;
}

/** Takes all that a source gives, and saves it. */
export async function sendStream<T>(
  core: TimelineCore,
  source: StreamSource,
  { signal, send }: Sending<T>,
): Promise<T> {
  const pieces = new Pieces(source, signal);
  try {
    const small: Uint8Array[] = [];
    let size = 0;
    let piece: Uint8Array | undefined;
    while ((piece = await pieces.next()) && size + piece.length <= SMALL) {
      size += piece.length;
      small.push(new Uint8Array(piece));
    }
    if (!piece) return await send(Buffer.concat(small));
    const feeder = await Feeder.begin(core.flows, signal);
    try {
      for (const held of small) await feeder.add(held);
      for (; piece; piece = await pieces.next()) await feeder.add(piece);
      const streamed = await feeder.finish();
      return await send(new Uint8Array(), streamed);
    } catch (error) {
      await feeder.giveUp();
      throw error;
    }
  } catch (error) {
    pieces.close();
    throw error;
  }
}

/** The pieces of a source, one by one, until it ends or a signal is given. */
class Pieces {
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;
  readonly #signal: AbortSignal | undefined;

  constructor(source: StreamSource, signal: AbortSignal | undefined) {
    this.#iterator = iterate(source);
    this.#signal = signal;
  }

  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await abortable(this.#signal, () => this.#iterator.next());
    if (done) return undefined;
    if (value instanceof Uint8Array) return value;
    const kind = typeof value === "object" ? "another object" : `a ${typeof value}`;
    const message = `A piece of a stream is ${kind}; give Uint8Arrays, as in [bytes].`;
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }

  /** No more is wanted. A source that hangs is not waited for. */
  close(): void {
    void (async () => this.#iterator.return?.())().catch(() => undefined);
  }
}

function iterate(source: StreamSource): Iterator<unknown> | AsyncIterator<unknown> {
  if (typeof source === "object" && source !== null) {
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return source[Symbol.iterator]();
  }
  const message = "A state comes from an iterable or a stream of Uint8Arrays; give one of these.";
  throw new KeepstateError("INVALID_ARGUMENT", message);
}

/** Feeds what it is given. */
class Feeder {
  readonly #flows: Flows;
  readonly #flow: NativeInflow;
  readonly #signal: AbortSignal | undefined;
  #underWay: Promise<null>[] = [];
  #staged = 0;

  private constructor(flows: Flows, flow: NativeInflow, signal: AbortSignal | undefined) {
    this.#flows = flows;
    this.#flow = flow;
    this.#signal = signal;
  }

  static async begin(flows: Flows, signal: AbortSignal | undefined): Promise<Feeder> {
    return new Feeder(flows, await flows.begin(signal), signal);
  }

  /** Copies a piece before it returns or waits, as far as there is room; then it waits for room. */
  async add(piece: Uint8Array): Promise<void> {
    let rest = piece;
    while (rest.length > 0) {
      const part = rest.subarray(0, FED - this.#staged);
      rest = rest.subarray(part.length);
      this.#staged = this.#flows.stage(this.#flow, part);
      if (this.#staged >= FED) await this.#feed();
    }
  }

  async finish(): Promise<NativeStreamed> {
    if (this.#staged > 0) await this.#feed();
    await Promise.all(this.#underWay);
    return await this.#flows.finish(this.#flow, this.#signal);
  }

  /** Waits for what is under way, so that nothing is stored behind the caller's back. */
  async giveUp(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#flows.giveUp(this.#flow).catch(() => undefined);
  }

  async #feed(): Promise<void> {
    if (this.#underWay.length >= UNDER_WAY) await this.#underWay.shift();
    this.#staged = 0;
    const fed = this.#flows.feed(this.#flow, this.#signal);
    // Whoever awaits it is told; until then it is nobody's surprise.
    fed.catch(() => undefined);
    this.#underWay.push(fed);
  }
}

interface Receiving {
  readonly ref: string;
  readonly signal: AbortSignal | undefined;
  readonly track: <T>(work: Promise<T>) => Promise<T>;
}

/** A state in pieces, of which one is read ahead. */
export function receiveStream(flows: Flows, { ref, signal, track }: Receiving): StateStream {
  let flow: NativeOutflow | undefined;
  let ahead: Promise<Uint8Array | null> | undefined;
  const next = async (): Promise<Uint8Array | null> => {
    flow ??= (await flows.open(ref, signal)).flow;
    return await flows.next(flow, signal);
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    signal?.throwIfAborted();
    const piece = await track(ahead ?? next());
    if (!piece) {
      controller.close();
      return;
    }
    ahead = next();
    ahead.catch(() => undefined);
    controller.enqueue(piece);
  };
  return new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 }) as StateStream;
}
