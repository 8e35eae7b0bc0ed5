/**
 * Watches: each new snapshot of a timeline once, in order, from this process or another. What wakes
 * a watch is only a hint; what it tells is read behind its own position, so that nothing is missed
 * and nothing comes twice.
 */

import { KeepstateError } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { TimelineCore } from "./core.js";
import type { Hub, Watcher } from "./hub.js";
import { keysOf } from "./keys.js";
import { checkKnown, checkNumbers, type SignalOptions } from "./options.js";
import type { TimelineName } from "./reference.js";
import { type Snapshot, snapshotOf } from "./snapshot.js";

/** From where on to watch, and how often others are asked. */
export interface WatchOptions extends SignalOptions {
  /** Begin behind this number; 0: from the oldest. Without it, with the next one that is saved. */
  readonly after?: number | undefined;
  /** Milliseconds between two looks for what others have saved. */
  readonly interval?: number | undefined;
}

/** A new snapshot. */
export interface Watched<State> extends Snapshot {
  /**
   * How many numbers before this one never came: they were pruned or deleted before this watch saw
   * them, or hold no state.
   */
  readonly missed: number;
  /** Its state. */
  restore(options?: SignalOptions): Promise<State>;
}

/** How the watches of a store learn of what others save. */
export interface Watching {
  /** Milliseconds between two looks where the caller does not say. */
  readonly interval: number;
  /** Wakes of the store, where it has them. */
  readonly changes: ((prefix: string, signal: AbortSignal) => AsyncIterable<unknown>) | undefined;
}

/** What a watch is made of. */
export interface WatchParts<State> {
  readonly name: TimelineName;
  readonly ref: string;
  readonly core: TimelineCore;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly watching: Watching;
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  readonly restore: (ref: string, options?: SignalOptions) => Promise<State>;
}

const PAGE = 100;
// Wakes of a store may get lost; so it is asked now and then in any case.
const SELDOM = 5000;

/** Checks what `watch` was given. */
export function checkWatch(options: WatchOptions): void {
  checkKnown("watch", options, ["after", "interval", "signal"]);
  checkNumbers({ after: options.after });
  checkNumbers({ interval: options.interval }, 1);
}

/** A watch under way. It ends by `return`, by its signal, and when the store is closed. */
export class Watch<State> implements AsyncIterableIterator<Watched<State>>, Watcher {
  readonly #parts: WatchParts<State>;
  readonly #signal: AbortSignal | undefined;
  #interval: number;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #page: Snapshot[] = [];
  /** The number of the last one that was told; until it is known, that is being found out. */
  #position: number | Promise<void>;
  /** Whether all numbers from the position on are known to have been there. */
  #isExact: boolean;
  /** The least number that was saved here since the watch began. */
  #least = Infinity;
  #last: Promise<unknown> = Promise.resolve();
  #aborted: { readonly reason: unknown } | undefined;

  constructor(parts: WatchParts<State>, options: WatchOptions) {
    this.#parts = parts;
    this.#signal = options.signal;
    const { changes, interval } = parts.watching;
    this.#interval = options.interval ?? (changes ? SELDOM : interval);
    this.#isExact = options.after !== undefined;
    parts.hub.join(parts.ref, this);
    this.#position = options.after ?? this.#begin();
    // Whoever calls `next` is told of it.
    if (this.#position instanceof Promise) this.#position.catch(() => undefined);
    if (changes) void this.#follow(changes(keysOf(parts.name), this.#stop.signal));
    this.#signal?.addEventListener("abort", this.#abort, { once: true });
    if (this.#signal?.aborted) this.#abort();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next snapshot. Calls that wait together are answered in order. */
  next(): Promise<IteratorResult<Watched<State>, undefined>> {
    const next = this.#last.then(() => this.#next());
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Ends the watch, and every call that waits for it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  tell(sequence: number): void {
    this.#least = Math.min(this.#least, sequence);
    this.#wake.abort();
  }

  end(): void {
    this.#parts.hub.leave(this.#parts.ref, this);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#page = [];
    this.#stop.abort();
    this.#wake.abort();
  }

  readonly #abort = (): void => {
    this.#aborted = { reason: this.#signal?.reason };
    this.end();
  };

  async #next(): Promise<IteratorResult<Watched<State>, undefined>> {
    try {
      for (;;) {
        if (this.#position instanceof Promise) await this.#position;
        const snapshot = this.#page.shift();
        if (snapshot) return { done: false, value: this.#told(snapshot) };
        if (this.#stop.signal.aborted) break;
        await this.#look();
      }
    } catch (error) {
      // What an end interrupts fails, and that is no failure of the watch.
      if (!this.#stop.signal.aborted) {
        this.end();
        throw error;
      }
    }
    return this.#over();
  }

  /** The end is told once as the signal's reason, if that was it, and from then on as an end. */
  #over(): IteratorReturnResult<undefined> {
    const aborted = this.#aborted;
    this.#aborted = undefined;
    if (aborted) throw aborted.reason;
    return { done: true, value: undefined };
  }

  #told(snapshot: Snapshot): Watched<State> {
    const before = this.#position as number;
    const missed = this.#isExact ? snapshot.sequence - before - 1 : 0;
    this.#position = snapshot.sequence;
    this.#isExact = true;
    const restore = (options?: SignalOptions): Promise<State> =>
      this.#parts.restore(`@${snapshot.sequence}`, options);
    return { ...snapshot, missed, restore };
  }

  async #look(): Promise<void> {
    const { core, name, track, clock } = this.#parts;
    const stop = this.#stop.signal;
    // Made before the look: what is saved while it lasts wakes the sleep behind it.
    const wake = (this.#wake = new AbortController());
    const query = { after: this.#position as number, limit: PAGE };
    const page = await track(core.list(query, stop));
    this.#page = page.map((told) => snapshotOf(name, told));
    if (page.length > 0 || stop.aborted || wake.signal.aborted) return;
    await clock.sleep(this.#interval, wake.signal).catch((error: unknown) => {
      if (!wake.signal.aborted) throw error;
    });
  }

  /** Finds the latest. What was saved here meanwhile comes after the watch began, and is told. */
  async #begin(): Promise<void> {
    const { core, track } = this.#parts;
    const latest = await track(core.show("@latest", this.#stop.signal)).catch(nothing);
    this.#isExact = latest.sequence > 0;
    this.#position = Math.min(latest.sequence, this.#least - 1);
  }

  /** Wakes with the store. Once that ends or fails, the store is asked as often as any other. */
  async #follow(changes: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const _ of changes) this.#wake.abort();
    } catch {
      // A store that cannot be read fails the next look as well, which is told.
    }
    this.#interval = Math.min(this.#interval, this.#parts.watching.interval);
    this.#wake.abort();
  }
}

function nothing(error: unknown): { sequence: number } {
  if (error instanceof KeepstateError && error.code === "NOT_FOUND") return { sequence: 0 };
  throw error;
}
