/** Timelines: the ordered snapshots of one `agent/session`. */

import type { Encoding } from "../encode/encoding.js";
import { encodeMsgpack } from "../encode/msgpack.js";
import { KeepstateError } from "../errors.js";
import { raised, value } from "../native/record.js";
import type { NativeSave } from "../native/timeline.js";
import { diff, type Operation } from "../patch/diff.js";
import { accept, type StandardSchema, type Verdict } from "../schema/standard.js";
import { Captures } from "./capture.js";
import type { TimelineCore } from "./core.js";
import type { Encodings } from "./encodings.js";
import { formatName, formatSelector, parseOwn, type TimelineName } from "./reference.js";
import { type Snapshot, snapshotOf } from "./snapshot.js";

/** What every call that waits takes. */
export interface SignalOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a save may be given beside the state. */
export interface SaveOptions extends SignalOptions {
  /** A few words for people. */
  readonly label?: string | undefined;
  /** Free text. */
  readonly description?: string | undefined;
  /** Anything that MessagePack can hold, by name. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** The same key again is the same snapshot; with another state it is IDEMPOTENCY_MISMATCH. */
  readonly idempotencyKey?: string | undefined;
  /** Save only if this snapshot is the latest, as `@17`; else it is CONFLICT. */
  readonly onto?: string | undefined;
}

/** Which snapshots `list` tells of, in which order. */
export interface SnapshotListOptions extends SignalOptions {
  /** Only numbers greater than this. */
  readonly after?: number | undefined;
  /** Only numbers smaller than this. */
  readonly before?: number | undefined;
  /** At most so many. */
  readonly limit?: number | undefined;
  /** The newest first. */
  readonly reverse?: boolean | undefined;
}

/** What `delete` has done. */
export interface Deleted {
  readonly snapshots: number;
  /** How many bytes came back at once; `compact` of the store may give back more. */
  readonly freedBytes: number;
  /** The forks that need some of it, which stays for them. */
  readonly forks: readonly string[];
}

/** What `verify` found. */
export interface Verified {
  readonly snapshots: number;
  /** How many bytes of states were rebuilt and proven. */
  readonly bytes: number;
  /** An empty list means that everything holds. */
  readonly damage: readonly KeepstateError[];
}

/** What a timeline is made of. The engine wires it. */
export interface TimelineParts<State> {
  readonly name: TimelineName;
  readonly core: TimelineCore;
  readonly encodings: Encodings;
  readonly encoding: Encoding;
  readonly schema: StandardSchema<unknown, State> | undefined;
  /** Deeply frozen parts of a state are not looked at again. */
  readonly immutable: boolean;
  /** Tells the engine of work under way, so that `close` waits for it; refuses when closed. */
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  readonly requireOpen: () => void;
}

// How many snapshots one call lists.
const PAGE = 100;

/** A handle on one timeline. */
export class Timeline<State = unknown> {
  readonly agent: string;
  readonly session: string;
  /** `agent/session`: its name everywhere. */
  readonly ref: string;
  readonly #parts: TimelineParts<State>;
  readonly #captures: Captures;
  /** Settles when all saves that wait for a verdict of their schema are over. */
  #judged: Promise<void> | undefined;

  /** Use `ks.timeline(...)`. */
  constructor(parts: TimelineParts<State>) {
    this.#parts = parts;
    const { encoding, immutable, core } = parts;
    this.#captures = new Captures({ encoding, immutable, epoch: () => core.epoch() });
    this.agent = parts.name.agent;
    this.session = parts.name.session;
    this.ref = formatName(parts.name);
  }

  /**
   * Saves a state as the next snapshot. The state is taken before the promise is returned, so it
   * may be changed at once; saves under way together land in the order of the calls.
   */
  async save(state: State, options: SaveOptions = {}): Promise<Snapshot> {
    options.signal?.throwIfAborted();
    this.#parts.requireOpen();
    const verdict = this.#judge(state);
    const later = verdict instanceof Promise;
    if (!later) accept(verdict, "The state");
    if (later) verdict.catch(() => undefined);
    const waits = later || this.#judged !== undefined;
    const isPlain = !waits && options.idempotencyKey === undefined;
    const meta = this.#meta(options);
    const taken = isPlain ? this.#captures.take(state) : this.#captures.takeWhole(state);
    const change = { ...taken, ...meta };
    const sent = waits ? this.#sendJudged(change, options) : this.#send(change, options);
    return await this.#parts.track(sent);
  }

  /** The state of a snapshot: `@17`, `#tag`; the latest where none is named. */
  async restore(ref?: string, options: SignalOptions = {}): Promise<State> {
    return (await this.restoreSnapshot(ref, options)).state;
  }

  /** The state of a snapshot, and what is told of it. */
  async restoreSnapshot(
    ref?: string,
    { signal }: SignalOptions = {},
  ): Promise<{ state: State; snapshot: Snapshot }> {
    const restored = await this.#run((core, at) => core.restore(at, signal), ref);
    const snapshot = snapshotOf(this.#parts.name, restored.snapshot);
    const state = this.#parts.encodings.decode(snapshot.encoding, restored.state);
    const verdict = this.#judge(state);
    const what = `The state of ${snapshot.ref}`;
    return { state: accept(await verdict, what), snapshot };
  }

  /** The encoded state of a snapshot, exactly as it was saved. */
  async restoreBytes(
    ref?: string,
    { signal }: SignalOptions = {},
  ): Promise<{ bytes: Uint8Array; snapshot: Snapshot }> {
    const { state, snapshot } = await this.#run((core, at) => core.restore(at, signal), ref);
    return { bytes: value(state.take()), snapshot: snapshotOf(this.#parts.name, snapshot) };
  }

  /** What is told of a snapshot, without its state. */
  async show(ref?: string, { signal }: SignalOptions = {}): Promise<Snapshot> {
    const told = await this.#run((core, at) => core.show(at, signal), ref);
    return snapshotOf(this.#parts.name, told);
  }

  /** The snapshots in the order of their numbers, read as they are asked for. */
  async *list(options: SnapshotListOptions = {}): AsyncGenerator<Snapshot, void> {
    const { signal, reverse = false } = options;
    let { after, before, limit: left = Infinity } = options;
    checkNumbers({ after, before, limit: options.limit });
    while (left > 0) {
      this.#parts.requireOpen();
      const limit = Math.min(left, PAGE);
      const page = await this.#parts.core.list(
        {
          limit,
          reverse,
          ...(after === undefined ? {} : { after }),
          ...(before === undefined ? {} : { before }),
        },
        signal,
      );
      for (const told of page) yield snapshotOf(this.#parts.name, told);
      if (page.length < limit) return;
      left -= page.length;
      if (reverse) before = page.at(-1)?.sequence;
      else after = page.at(-1)?.sequence;
    }
  }

  /** How one state became another, as a JSON Patch (RFC 6902); `to` is the latest by default. */
  async diff(from: string, to?: string, options: SignalOptions = {}): Promise<Operation[]> {
    const [before, after] = await Promise.all([
      this.restore(from, options),
      this.restore(to, options),
    ]);
    return diff(before, after);
  }

  /** Removes all snapshots but what forks show. The numbers never restart. */
  async delete({ signal }: SignalOptions = {}): Promise<Deleted> {
    this.#parts.requireOpen();
    return await this.#parts.track(this.#parts.core.delete(signal));
  }

  /** Reads snapshots whole, or one, and proves their hashes. */
  async verify(ref?: string, { signal }: SignalOptions = {}): Promise<Verified> {
    this.#parts.requireOpen();
    const at = ref === undefined ? undefined : this.#selector(ref);
    const told = await this.#parts.track(this.#parts.core.verify(at, signal));
    return { ...told, damage: told.damage.map((record) => raised(record, this.verify)) };
  }

  #judge(state: unknown): Verdict<State> | Promise<Verdict<State>> {
    const { schema } = this.#parts;
    return schema ? schema["~standard"].validate(state) : { value: state as State };
  }

  /**
   * A schema that answers later: the state may change while it does, so the verdict that counts is
   * about the bytes that were taken. Saves that come meanwhile wait, to land in order.
   */
  #sendJudged(change: NativeSave, options: SaveOptions): Promise<Snapshot> {
    const before = this.#judged ?? Promise.resolve();
    const judge = async (): Promise<void> => {
      const state = this.#parts.encoding.decode(change.bytes);
      accept(await this.#judge(state), "The state");
    };
    const verdict = judge();
    const sent = before.then(() => verdict).then(() => this.#send(change, options));
    const over = Promise.allSettled([sent]).then(() => {
      if (this.#judged === over) this.#judged = undefined;
    });
    this.#judged = over;
    return sent;
  }

  async #send(change: NativeSave, { signal }: SaveOptions): Promise<Snapshot> {
    const { core, name } = this.#parts;
    const saving = core.save(change, signal);
    this.#captures.handOver();
    try {
      return snapshotOf(name, await saving);
    } catch (error) {
      this.#captures.forget();
      throw error;
    }
  }

  #meta(options: SaveOptions): Omit<NativeSave, "bytes"> {
    const { encoding } = this.#parts;
    const { label, description, idempotencyKey, onto, metadata } = options;
    return {
      encoding: encoding.name,
      ...(label === undefined ? {} : { label }),
      ...(description === undefined ? {} : { description }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(onto === undefined ? {} : { onto: this.#selector(onto) }),
      ...(metadata === undefined ? {} : { metadata: encodeMsgpack(metadata) }),
    };
  }

  async #run<T>(call: (core: TimelineCore, at: string) => Promise<T>, ref?: string): Promise<T> {
    const { core, track, requireOpen } = this.#parts;
    requireOpen();
    return await track(call(core, this.#selector(ref)));
  }

  #selector(ref: string | undefined): string {
    return formatSelector(parseOwn(ref, this.#parts.name));
  }
}

function checkNumbers(options: Readonly<Record<string, number | undefined>>): void {
  for (const [name, given] of Object.entries(options)) {
    if (given === undefined || (Number.isSafeInteger(given) && given >= 0)) continue;
    const message = `${name} must be a whole number from 0, not ${String(given)}.`;
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
}
