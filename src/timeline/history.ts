/** What can be read of a timeline: snapshots, what they changed, what weighs, whether all holds. */

import { diff, type Operation } from "../patch/diff.js";
import { parsePointer } from "../patch/pointer.js";
import { type DiffEntry, summarize } from "../patch/summary.js";
import { Typed } from "../patch/typed.js";
import type { Clock } from "../ports/clock.js";
import { ask, type Asking, selectorOf } from "./ask.js";
import type { Encodings } from "./encodings.js";
import { listSnapshots } from "./listing.js";
import {
  checkKnown,
  checkNumbers,
  checkText,
  type SignalOptions,
  type SnapshotListOptions,
} from "./options.js";
import { formatName } from "./reference.js";
import type { Blame, DiffSummaryOptions } from "./results.js";
import { found, type SearchOptions, searchOf } from "./search.js";
import { encodedSize } from "./sizes.js";
import { type Snapshot, snapshotOf } from "./snapshot.js";
import { checkExport, type ExportOptions, exportTimeline, type Still } from "./transfer.js";
import { checkVerify, type Verified, verifyTimeline, type VerifyOptions } from "./verify.js";
import { type Weight, weighingOf, weightOf, type WhyOptions } from "./weight.js";

/** What a history is made of. */
export interface HistoryParts extends Asking {
  readonly encodings: Encodings;
  readonly clock: Clock;
  /** The same as it is now, whatever is written beside, where the store has views. */
  readonly still: () => Still;
}

/** The part of a timeline that reads. */
export abstract class History<State> {
  readonly agent: string;
  readonly session: string;
  /** `agent/session`: its name everywhere. */
  readonly ref: string;
  readonly #parts: HistoryParts;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.agent = parts.name.agent;
    this.session = parts.name.session;
    this.ref = formatName(parts.name);
  }

  /** The state of a snapshot: `@17`, `#tag`; the latest where none is named. */
  abstract restore(ref?: string, options?: SignalOptions): Promise<State>;

  /** The snapshots in the order of their numbers, read as they are asked for. */
  list(options: SnapshotListOptions = {}): AsyncGenerator<Snapshot, void> {
    return listSnapshots(this.#parts, options);
  }

  /** The snapshots of which all that is given holds, in the order of their numbers. */
  search(options: SearchOptions = {}): AsyncGenerator<Snapshot, void> {
    const search = searchOf(options, this.#parts.clock.now());
    return found(listSnapshots(this.#parts, search.listing), search);
  }

  /** How one state became another, as a JSON Patch (RFC 6902); `to` is the latest by default. */
  async diff(from: string, to?: string, options: SignalOptions = {}): Promise<Operation[]> {
    const [before, after] = await Promise.all([
      this.restore(from, options),
      this.restore(to, options),
    ]);
    const typed = new Typed(this.#parts.encodings.types);
    return typed.originals(diff(typed.view(before), typed.view(after)));
  }

  /** The same by path, with kinds and sizes, for people. */
  async diffSummary(
    from: string,
    to?: string,
    options: DiffSummaryOptions = {},
  ): Promise<DiffEntry[]> {
    checkKnown("diffSummary", options, ["depth", "signal"]);
    checkNumbers({ depth: options.depth });
    const { depth = 1, signal } = options;
    const [before, after] = await Promise.all([
      this.restore(from, { signal }),
      this.restore(to, { signal }),
    ]);
    const typed = new Typed(this.#parts.encodings.types);
    const views = [typed.view(before), typed.view(after)] as const;
    return summarize(views, { depth, sizeOf: encodedSize });
  }

  /**
   * Which snapshot last changed the value at a JSON pointer (RFC 6901), looking back from one; from
   * the latest where `ref` is undefined.
   */
  async blame(
    ref: string | undefined,
    pointer: string,
    options: SignalOptions = {},
  ): Promise<Blame> {
    checkKnown("blame", options, ["signal"]);
    checkText(pointer, "A JSON pointer");
    const path = parsePointer(pointer);
    const { did, snapshot } = await ask(
      this.#parts,
      (core, at) => core.blame({ ref: at, path }, options.signal),
      ref,
    );
    return { snapshot: snapshotOf(this.#parts.name, snapshot), did };
  }

  /** Which paths of a state hold its bytes: how many it has, and about how many are stored. */
  async why(ref?: string, options: WhyOptions = {}): Promise<Weight> {
    const weighing = weighingOf(options);
    const told = await ask(
      this.#parts,
      (core, at) => core.why({ ref: at, ...weighing }, options.signal),
      ref,
    );
    return weightOf(told);
  }

  /** Reads snapshots whole, or one, and proves their hashes. */
  async verify(ref?: string, options: VerifyOptions = {}): Promise<Verified> {
    checkVerify(options);
    const { core, name, track, requireOpen } = this.#parts;
    requireOpen();
    const at = ref === undefined ? undefined : selectorOf(name, ref);
    return await track(verifyTimeline({ core, ref: at, reading: this.ref }, options));
  }

  /**
   * The timeline as one file, in parts of some megabytes, each read when it is asked for.
   * `ks.import` makes a timeline of it, in any store.
   */
  export(options: ExportOptions = {}): AsyncGenerator<Uint8Array, void> {
    checkExport(options);
    this.#parts.requireOpen();
    return exportTimeline(this.#parts, options);
  }
}
