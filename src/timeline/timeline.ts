/** Timelines: the ordered snapshots of one `agent/session`. */

import type { Encoding } from "../encode/encoding.js";
import { value } from "../native/record.js";
import type { Store } from "../ports/store.js";
import { accept, type StandardSchema } from "../schema/standard.js";
import { ask, selectorOf } from "./ask.js";
import { type Copied, type CopyOptions, type CopyTarget, copyTimeline } from "./copy.js";
import type { TimelineCore } from "./core.js";
import { History, type HistoryParts } from "./history.js";
import type { Hub } from "./hub.js";
import { checkKnown, checkText, given, type SaveOptions, type SignalOptions } from "./options.js";
import type { Packer } from "./packer.js";
import { type TimelineName, timelineName } from "./reference.js";
import type { Deleted, Repaired } from "./results.js";
import { judge, Saver } from "./saver.js";
import { savedOf, type Snapshot, snapshotOf } from "./snapshot.js";
import { receiveStream, type StateStream, type StreamSource } from "./stream.js";
import {
  checkLevel,
  originOf,
  type Packed,
  type PackOptions,
  policyOf,
  type Pruned,
  prunedOf,
  type PruneOptions,
  repairedOf,
  type Tag,
  taggingOf,
  tagOf,
  type TagOptions,
  type UntagOptions,
} from "./upkeep.js";
import { checkWatch, Watch, type Watching, type WatchOptions } from "./watch.js";

/** What a timeline is made of. The engine wires it. */
export interface TimelineParts<State> extends HistoryParts {
  readonly encoding: Encoding;
  readonly schema: StandardSchema<unknown, State> | undefined;
  /** Deeply frozen parts of a state are not looked at again. */
  readonly immutable: boolean;
  readonly hub: Hub;
  readonly packer: Packer;
  /** How watches learn of what others save. */
  readonly watching: Watching;
  /** A handle with the same options on another timeline. */
  readonly sibling: (name: TimelineName) => Timeline<State>;
  /** What takes copies, of a Keepstate or of a store. */
  readonly target: (to: CopyTarget | Store) => CopyTarget;
}

/** A handle on one timeline. */
export class Timeline<State = unknown> extends History<State> {
  readonly #parts: TimelineParts<State>;
  readonly #saver: Saver<State>;

  /** Use `ks.timeline(...)`. */
  constructor(parts: TimelineParts<State>) {
    super(parts);
    this.#parts = parts;
    this.#saver = new Saver<State>({ ...parts, selector: (ref) => this.#selector(ref) });
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
    const snapshot = savedOf(name, told);
    hub.tell(this.ref, snapshot.sequence);
    packer.saved(core);
    return snapshot;
  }

  /**
   * Saves a state of any size that comes in pieces; its encoding is `bytes`. What comes is stored
   * as it comes, and is a snapshot when the source has ended, behind the saves of that moment.
   */
  async saveStream(source: StreamSource, options: SaveOptions = {}): Promise<Snapshot> {
    options.signal?.throwIfAborted();
    const { name, core, hub, packer, track, requireOpen } = this.#parts;
    requireOpen();
    const snapshot = savedOf(name, await track(this.#saver.saveStream(source, options)));
    hub.tell(this.ref, snapshot.sequence);
    packer.saved(core);
    return snapshot;
  }

  /** The encoded state of a snapshot in pieces, each proven before it is given. */
  restoreStream(ref?: string, { signal }: SignalOptions = {}): StateStream {
    this.#parts.requireOpen();
    const { core, track } = this.#parts;
    return receiveStream(core.flows, { ref: this.#selector(ref), signal, track });
  }

  /** The state of a snapshot: `@17`, `#tag`; the latest where none is named. */
  override async restore(ref?: string, options: SignalOptions = {}): Promise<State> {
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

  /**
   * Writes anew what can still be proven of a damaged timeline; what cannot is told, and gone. One
   * that is whole is not touched. `verify` tells beforehand what is damaged.
   */
  async repair(options: SignalOptions = {}): Promise<Repaired> {
    checkKnown("repair", options, ["signal"]);
    const told = await this.#run((core) => core.repair(options.signal));
    return repairedOf(this.#parts.name, told);
  }

  /**
   * Copies the timeline to another store. Where a copy is there already, it goes on from its end:
   * the same call makes again what was interrupted, and brings up to date what is whole.
   */
  async copyTo(to: CopyTarget | Store, options: CopyOptions = {}): Promise<Copied> {
    const { name, track, requireOpen, target } = this.#parts;
    requireOpen();
    return await track(copyTimeline({ from: this, own: name }, target(to), options));
  }

  async #run<T>(call: (core: TimelineCore, at: string) => Promise<T>, ref?: string): Promise<T> {
    return await ask(this.#parts, call, ref);
  }

  #selector(ref: string | undefined): string {
    return selectorOf(this.#parts.name, ref);
  }
}
