/** The way of a save from the call to the core: taken at once, judged by the schema, in order. */

import type { Encoding } from "../encode/encoding.js";
import { encodeMsgpack } from "../encode/msgpack.js";
import type { NativeStreamed } from "../native/stream.js";
import type { NativeSaid, NativeSave, NativeSaved } from "../native/timeline.js";
import { accept, type StandardSchema, type Verdict } from "../schema/standard.js";
import { Captures } from "./capture.js";
import type { TimelineCore } from "./core.js";
import type { SaveOptions } from "./options.js";
import { sendStream, type StreamSource } from "./stream.js";

/** What a saver is made of. */
export interface SaverParts<State> {
  readonly core: TimelineCore;
  readonly encoding: Encoding;
  readonly schema: StandardSchema<unknown, State> | undefined;
  /** Deeply frozen parts of a state are not looked at again. */
  readonly immutable: boolean;
  /** A reference as the core takes it. */
  readonly selector: (ref: string) => string;
}

/** What a schema says of a state. Without a schema everything is right. */
export function judge<State>(
  schema: StandardSchema<unknown, State> | undefined,
  state: unknown,
): Verdict<State> | Promise<Verdict<State>> {
  return schema ? schema["~standard"].validate(state) : { value: state as State };
}

/** Whether nothing is said of what is saved. */
function isSilent(options: SaveOptions): boolean {
  const { label, description, idempotencyKey, onto, metadata, schemaVersion } = options;
  return (
    label === undefined &&
    description === undefined &&
    idempotencyKey === undefined &&
    onto === undefined &&
    metadata === undefined &&
    schemaVersion === undefined
  );
}

/** Saves states of one timeline. */
export class Saver<State> {
  readonly #parts: SaverParts<State>;
  readonly #captures: Captures;
  /** Settles when all saves that wait for a verdict of their schema are over. */
  #judged: Promise<void> | undefined;

  constructor(parts: SaverParts<State>) {
    this.#parts = parts;
    const { encoding, immutable, core } = parts;
    this.#captures = new Captures({ encoding, immutable, epoch: () => core.epoch() });
  }

  /** Takes the state before it returns. What is wrong with it at once is thrown at once. */
  save(state: State, options: SaveOptions): Promise<NativeSaved> {
    const verdict = judge(this.#parts.schema, state);
    const later = verdict instanceof Promise;
    if (!later) accept(verdict, "The state");
    if (later) verdict.catch(() => undefined);
    const waits = later || this.#judged !== undefined;
    const isPlain = !waits && options.idempotencyKey === undefined;
    const said = this.#said(options);
    const taken = isPlain ? this.#captures.take(state) : this.#captures.takeWhole(state);
    const change = said === undefined ? taken : { ...taken, said };
    return waits ? this.#sendJudged(change, options) : this.#send(change, options);
  }

  /** Takes what a source gives as it comes. No schema judges it. */
  saveStream(source: StreamSource, options: SaveOptions): Promise<NativeSaved> {
    const meta = { ...this.#said(options), encoding: "bytes" };
    const send = (bytes: Uint8Array, streamed?: NativeStreamed): Promise<NativeSaved> => {
      const said = streamed === undefined ? meta : { ...meta, streamed };
      const sent = this.#send({ bytes, said }, options);
      // The next state cannot build on one that was never here.
      this.#captures.forget();
      return sent;
    };
    return sendStream(this.#parts.core, source, { signal: options.signal, send });
  }

  /**
   * A schema that answers later: the state may change while it does, so the verdict that counts is
   * about the bytes that were taken. Saves that come meanwhile wait, to land in order.
   */
  #sendJudged(change: NativeSave, options: SaveOptions): Promise<NativeSaved> {
    const before = this.#judged ?? Promise.resolve();
    const judged = async (): Promise<void> => {
      const state = this.#parts.encoding.decode(change.bytes);
      accept(await judge(this.#parts.schema, state), "The state");
    };
    const verdict = judged();
    const sent = before.then(() => verdict).then(() => this.#send(change, options));
    const over = Promise.allSettled([sent]).then(() => {
      if (this.#judged === over) this.#judged = undefined;
    });
    this.#judged = over;
    return sent;
  }

  async #send(change: NativeSave, { signal }: SaveOptions): Promise<NativeSaved> {
    const saving = this.#parts.core.save(change, signal);
    this.#captures.handOver();
    try {
      return await saving;
    } catch (error) {
      this.#captures.forget();
      throw error;
    }
  }

  /** Most saves say nothing, and cost nothing here. */
  #said(options: SaveOptions): NativeSaid | undefined {
    const { encoding, selector } = this.#parts;
    if (encoding.name === "msgpack" && isSilent(options)) return undefined;
    const { label, description, idempotencyKey, onto, metadata, schemaVersion } = options;
    return {
      encoding: encoding.name,
      ...(label === undefined ? {} : { label }),
      ...(description === undefined ? {} : { description }),
      ...(schemaVersion === undefined ? {} : { schemaVersion }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(onto === undefined ? {} : { onto: selector(onto) }),
      ...(metadata === undefined ? {} : { metadata: encodeMsgpack(metadata) }),
    };
  }
}
