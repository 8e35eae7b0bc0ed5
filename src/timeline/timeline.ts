/** Timelines: the ordered snapshots of one `agent/session`. */

import type { Encoding } from "../encode/encoding.js";
import { raised, value } from "../native/record.js";
import type { Clock } from "../ports/clock.js";
import { diff, type Operation } from "../patch/diff.js";
import { type DiffEntry, summarize } from "../patch/summary.js";
import { Typed } from "../patch/typed.js";
import { accept, type StandardSchema } from "../schema/standard.js";
import type { TimelineCore } from "./core.js";
import type { Encodings } from "./encodings.js";
import type { Hub } from "./hub.js";
import { listSnapshots } from "./listing.js";
import {
  checkKnown,
  checkNumbers,
  checkText,
  given,
  type SaveOptions,
  type SignalOptions,
  type SnapshotListOptions,
} from "./options.js";
import type { Packer } from "./packer.js";
import {
  formatName,
  formatSelector,
  parseOwn,
  type TimelineName,
  timelineName,
} from "./reference.js";
import { judge, Saver } from "./saver.js";
import type { Deleted, DiffSummaryOptions, Verified } from "./results.js";
import { found, type SearchOptions, searchOf } from "./search.js";
import { encodedSize } from "./sizes.js";
import { type Snapshot, snapshotOf } from "./snapshot.js";
import {
  checkLevel,
  originOf,
  type Packed,
  type PackOptions,
  policyOf,
  type Pruned,
  prunedOf,
  type PruneOptions,
  type Tag,
  taggingOf,
  tagOf,
  type TagOptions,
  type UntagOptions,
} from "./upkeep.js";
import { checkWatch, Watch, type Watching, type WatchOptions } from "./watch.js";

/** What a timeline is made of. The engine wires it. */
export interface TimelineParts<State> {
  readonly name: TimelineName;
  readonly core: TimelineCore;
  readonly encodings: Encodings;
  readonly encoding: Encoding;
  readonly schema: StandardSchema<unknown, State> | undefined;
  /** Deeply frozen parts of a state are not looked at again. */
  readonly immutable: boolean;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly packer: Packer;
  /** How watches learn of what others save. */
  readonly watching: Watching;
  /** A handle with the same options on another timeline. */
  readonly sibling: (name: TimelineName) => Timeline<State>;
  /** Tells the engine of work under way, so that `close` waits for it; refuses when closed. */
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  readonly requireOpen: () => void;
}

/** A handle on one timeline. */
export class Timeline<State = unknown> {
  readonly agent: string;
  readonly session: string;
  /** `agent/session`: its name everywhere. */
  readonly ref: string;
  readonly #parts: TimelineParts<State>;
  readonly #saver: Saver<State>;

  /** Use `ks.timeline(...)`. */
  constructor(parts: TimelineParts<State>) {
    this.#parts = parts;
    this.#saver = new Saver<State>({ ...parts, selector: (ref) => this.#selector(ref) });
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
    const { name, core, hub, packer, track, requireOpen } = this.#parts;
    requireOpen();
    const told = await track(this.#saver.save(state, options));
    hub.tell(this.ref, told.sequence);
    packer.saved(core);
    return snapshotOf(name, told);
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
    const verdict = judge(this.#parts.schema, state);
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
  list(options: SnapshotListOptions = {}): AsyncGenerator<Snapshot, void> {
    return listSnapshots(this.#parts, options);
  }

  /** The snapshots of which all that is given holds, in the order of their numbers. */
  search(options: SearchOptions = {}): AsyncGenerator<Snapshot, void> {
    const search = searchOf(options, this.#parts.clock.now());
    return found(listSnapshots(this.#parts, search.listing), search);
  }

  /**
   * Each new snapshot once, in order, whoever saves it: from the next one on, or behind a number.
   * It ends when the loop over it is left or the store is closed; a signal ends it with its reason.
   */
  watch(options: WatchOptions = {}): Watch<State> {
    checkWatch(options);
    this.#parts.requireOpen();
    const parts = {
      ...this.#parts,
      ref: this.ref,
      restore: (ref: string, signal?: SignalOptions) => this.restore(ref, signal),
    };
    return new Watch<State>(parts, options);
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
   * Another timeline that shares this one's history up to a snapshot and goes on by itself. It has
   * this handle's options. Nothing is copied.
   */
  async fork(
    to: string | TimelineName,
    ref?: string,
    options: SignalOptions = {},
  ): Promise<Timeline<State>> {
    checkKnown("fork", options, ["signal"]);
    const name = timelineName(to);
    const fork = (core: TimelineCore, at: string): Promise<unknown> =>
      core.fork({ ...name, ref: at }, options.signal);
    await this.#run(fork, ref);
    return this.#parts.sibling(name);
  }

  /** Names a snapshot, the latest where none is given. It stays as long as it has a name. */
  async tag(name: string, ref?: string, options: TagOptions = {}): Promise<Snapshot> {
    const tagging = taggingOf(this.#parts.name, name, options);
    const tag = (core: TimelineCore, at: string): ReturnType<TimelineCore["tag"]> =>
      core.tag({ ...tagging, ref: at }, options.signal);
    return snapshotOf(this.#parts.name, await this.#run(tag, ref));
  }

  /** Takes a name away, and tells what it named. */
  async untag(name: string, options: UntagOptions = {}): Promise<Tag> {
    checkKnown("untag", options, ["from", "signal"]);
    checkText(name, "A tag");
    const untagging = { name, ...given({ from: originOf(options.from, this.#parts.name) }) };
    const sequence = await this.#run((core) => core.untag(untagging, options.signal));
    return tagOf(this.#parts.name, { name, sequence });
  }

  /** All tags, by name. */
  async tags({ signal }: SignalOptions = {}): Promise<Tag[]> {
    const tags = await this.#run((core) => core.tags(signal));
    return tags.map((tag) => tagOf(this.#parts.name, tag));
  }

  /**
   * Removes what no rule keeps, but never the latest snapshot, nor one that a fork shows. Says what
   * goes, what stays and why.
   */
  async prune(options: PruneOptions): Promise<Pruned> {
    const policy = policyOf(options, this.#parts.clock.now());
    return prunedOf(await this.#run((core) => core.prune(policy, options.signal)));
  }

  /** Makes few large values of many small ones, as tightly as it goes. */
  async pack(options: PackOptions = {}): Promise<Packed> {
    checkKnown("pack", options, ["level", "signal"]);
    checkLevel(options.level);
    const packing = given({ level: options.level });
    return await this.#run((core) => core.pack(packing, options.signal));
  }

  /** Gives back the lease, if this handle has one. The next save takes one again. */
  async release({ signal }: SignalOptions = {}): Promise<void> {
    await this.#run((core) => core.release(signal));
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

  async #run<T>(call: (core: TimelineCore, at: string) => Promise<T>, ref?: string): Promise<T> {
    const { core, track, requireOpen } = this.#parts;
    requireOpen();
    return await track(call(core, this.#selector(ref)));
  }

  #selector(ref: string | undefined): string {
    return formatSelector(parseOwn(ref, this.#parts.name));
  }
}
