/** The engine: it wires stores, timelines and files together and holds no logic of its own. */

import { abortable } from "./abort.js";
import { NativeStoreAdapter } from "./adapters/native.js";
import { loadConfig, type Outside, storeOf } from "./config/load.js";
import { type Config, requireValid } from "./config/resolve.js";
import type { Type } from "./encode/types.js";
import { KeepstateError } from "./errors.js";
import { Codecs } from "./file/codecs.js";
import { listFiles, type FileEntry } from "./file/list.js";
import { StateFile } from "./file/state-file.js";
import { type Objects, type OpenOptions, splitOptions } from "./options.js";
import { systemClock } from "./ports/clock.js";
import type { EmbeddedStore } from "./ports/embedded.js";
import type { CallOptions, Store } from "./ports/store.js";
import { canBeReadOnly, openUrl } from "./schemes.js";
import { embeddedCore, type TimelineCore } from "./timeline/core.js";
import { steppedCore } from "./timeline/drive.js";
import { Encodings } from "./timeline/encodings.js";
import { TIMELINE_OPTIONS, type TimelineOptions } from "./timeline/handle.js";
import { Hub } from "./timeline/hub.js";
import { leaseOf } from "./timeline/leases.js";
import { listTimelines, type TimelineEntry } from "./timeline/names.js";
import { checkKnown } from "./timeline/options.js";
import { Packer } from "./timeline/packer.js";
import { formatName, type TimelineName, timelineName } from "./timeline/reference.js";
import type { StoreSearchOptions } from "./timeline/search.js";
import { type CopyTarget, isTarget, requireStore } from "./timeline/copy.js";
import type { Imported, TransferOptions } from "./timeline/results.js";
import type { Snapshot } from "./timeline/snapshot.js";
import { searchStore } from "./timeline/store-search.js";
import { Timeline } from "./timeline/timeline.js";
import {
  checkTransfer,
  type FileSource,
  importTimeline,
  type Still,
} from "./timeline/transfer.js";
import {
  checkVerify,
  type StoreVerified,
  verifyStore,
  type VerifyOptions,
} from "./timeline/verify.js";
import type { Watching } from "./timeline/watch.js";

/** A store as `ks.store` shows it; the stores of the core offer more than the port. */
export type OpenStore = Store & Partial<Omit<EmbeddedStore, keyof Store>>;

/** Keepstate over one store. */
export class Keepstate implements AsyncDisposable {
  /** The store itself: bytes by key. */
  readonly store: OpenStore;
  readonly #config: Config;
  readonly #objects: Objects;
  readonly #encodings: Encodings;
  readonly #codecs: Codecs;
  readonly #working = new Set<Promise<unknown>>();
  readonly #hub = new Hub();
  readonly #packer: Packer;
  /** Handles that may hold a lease. */
  readonly #leased = new Set<TimelineCore>();
  #closing: Promise<void> | undefined;

  /** Use `open`. */
  constructor(store: Store, config: Config, objects: Objects) {
    this.store = store;
    this.#config = config;
    this.#objects = objects;
    this.#encodings = new Encodings(objects.encodings, objects.types);
    this.#codecs = new Codecs(objects.codecs);
    const isOn = this.#value("packing") !== "off";
    this.#packer = new Packer({ isOn, onError: objects.onError });
  }

  /** A handle on a timeline, by reference or by its two names as they are. */
  timeline<State = unknown>(
    of: string | TimelineName,
    options: TimelineOptions<State> = {},
  ): Timeline<State> {
    this.#requireOpen();
    checkKnown("timeline", options, TIMELINE_OPTIONS);
    const name = timelineName(of);
    const encoding = this.#encodings.get(options.encoding ?? "msgpack");
    const lease = leaseOf(options.lease);
    const core = this.#core(name, { integrity: options.integrity, lease });
    if (lease !== undefined) this.#leased.add(core);
    return new Timeline<State>({
      name,
      schema: options.schema,
      immutable: options.immutable ?? false,
      core,
      encodings: this.#encodings,
      encoding,
      clock: this.#clock(),
      hub: this.#hub,
      packer: this.#packer,
      watching: this.#watching(),
      sibling: (other) => this.timeline(other, options),
      target: (to) => this.#target(to),
      still: () => this.#still(name) ?? { core, close: async () => undefined },
      track: (work) => this.#track(work),
      requireOpen: () => this.#requireOpen(),
    });
  }

  /** The timelines whose reference begins with `prefix`. */
  timelines(prefix = "", options: CallOptions = {}): AsyncGenerator<TimelineEntry, void> {
    const core = (name: TimelineName): TimelineCore => this.#core(name, {});
    return listTimelines({ store: this.store, core }, prefix, options);
  }

  /** The snapshots of all timelines of which all that is given holds. */
  search(options: StoreSearchOptions = {}): AsyncGenerator<Snapshot, void> {
    this.#requireOpen();
    const timelines = (prefix: string, signal?: AbortSignal): AsyncIterable<TimelineEntry> =>
      this.timelines(prefix, { signal });
    return searchStore({ timelines, timeline: (name) => this.timeline(name) }, options);
  }

  /**
   * Makes a timeline of a file that `export` gave, under any name, and tells what came. A timeline
   * that is there is CONFLICT, unless the file goes on from its end.
   */
  async import(
    of: string | TimelineName,
    source: FileSource,
    options: TransferOptions = {},
  ): Promise<Imported> {
    this.#requireOpen();
    checkTransfer("import", options);
    const name = timelineName(of);
    const core = this.#core(name, {});
    const imported = await this.#track(importTimeline({ name, core }, source, options));
    this.#hub.tell(formatName(name), imported.snapshot.sequence);
    return imported;
  }

  /** Reads everything and proves it: the store's own bytes, all timelines, all single files. */
  async verify(options: VerifyOptions = {}): Promise<StoreVerified> {
    this.#requireOpen();
    checkVerify(options);
    return await this.#track(verifyStore(this, options));
  }

  /** A single self-contained snapshot at a key, as `checkpoints/a.json.gz`. */
  file<State = unknown>(key: string): StateFile<State> {
    this.#requireOpen();
    return new StateFile<State>(key, {
      store: this.store,
      codecs: this.#codecs,
      types: this.#objects.types,
      clock: this.#clock(),
      track: (work) => this.#track(work),
    });
  }

  /** The single files whose key begins with `prefix`. */
  files(prefix = "", options: CallOptions = {}): AsyncGenerator<FileEntry, void> {
    return listFiles(this.store, { prefix, codecs: this.#codecs, ...options });
  }

  /** Saves and restores values of a type of one's own as such, from now on. */
  registerType<Value, Data>(type: Type<Value, Data>): void {
    this.#requireOpen();
    this.#objects.types.register(type);
  }

  /** Makes everything acknowledged so far durable. */
  async flush(options: CallOptions = {}): Promise<void> {
    this.#requireOpen();
    await this.store.flush?.(options);
  }

  /** What there is: the kind of store, and its figures where it keeps any. */
  async stats(options: CallOptions = {}): Promise<Record<string, string | number>> {
    this.#requireOpen();
    const figures = await this.store.stats?.(options);
    return { kind: this.store.supports.kind, ...figures, ...this.#packer.figures() };
  }

  /** Waits for everything under way and closes the store. Idempotent. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#hub.close();
    await Promise.allSettled(this.#working);
    await this.#packer.close();
    // A lease that cannot be given back ends by itself.
    await Promise.allSettled([...this.#leased].map((core) => core.release()));
    // A store that was given belongs to the giver.
    if (!this.#objects.store) await this.store.close();
  }

  #core(
    name: TimelineName,
    { integrity = this.#value("integrity"), lease }: { integrity?: unknown; lease?: unknown },
    store: Store = this.store,
  ): TimelineCore {
    const options = {
      full: integrity === "full",
      level: Number(this.#value("level")),
      singleWriter: this.#value("singleWriter") === true,
      ...(typeof lease === "number" ? { lease } : {}),
    };
    return store instanceof NativeStoreAdapter
      ? embeddedCore(store.handle, name, options)
      : steppedCore({ store, clock: this.#clock() }, name, options);
  }

  /** A timeline as it is now, where the store has views. */
  #still(name: TimelineName): Still | undefined {
    if (!(this.store instanceof NativeStoreAdapter) || !this.store.handle.supports().view) {
      return undefined;
    }
    const view = this.store.view();
    return { core: this.#core(name, {}, view), close: () => view.close() };
  }

  /** What takes copies: a Keepstate as it is, a store by one over it. */
  #target(to: CopyTarget | Store): CopyTarget {
    if (isTarget(to)) return to;
    requireStore(to);
    return new Keepstate(to, this.#config, { ...this.#objects, store: to });
  }

  /** The log of this machine is cheap to ask; another store may be far away. */
  #watching(): Watching {
    const { store } = this;
    const watch = store.watch?.bind(store);
    return {
      interval: store instanceof NativeStoreAdapter ? 50 : 1000,
      changes: watch && ((prefix, signal) => watch(prefix, { signal })),
    };
  }

  #clock(): NonNullable<Objects["clock"]> {
    return this.#objects.clock ?? systemClock;
  }

  #value(key: string): string | number | boolean | undefined {
    return this.#config.effective.get(key)?.value;
  }

  /** Nothing else may wait for `work`, or the stacks of its failures end here. */
  async #track<T>(work: Promise<T>): Promise<T> {
    this.#working.add(work);
    try {
      return await work;
    } finally {
      this.#working.delete(work);
    }
  }

  #requireOpen(): void {
    if (!this.#closing) return;
    throw new KeepstateError("CLOSED", "This store was closed. Open it again.");
  }
}

/** Opens the store that valid options and these other sources name. */
export async function openFrom(options: OpenOptions, outside?: Outside): Promise<Keepstate> {
  const { values, objects } = splitOptions(options);
  const config = await loadConfig(values, outside);
  requireValid(config);
  if (objects.store) return new Keepstate(objects.store, config, objects);
  const { url, parameters } = storeOf(config);
  const readOnly = outside?.reads && canBeReadOnly(url) ? { readOnly: true } : {};
  let opening: Promise<Store> | undefined;
  const store = await abortable(
    objects.signal,
    () => (opening = openUrl(url, { ...parameters, ...readOnly })),
    // What opens although nobody waits any more holds no folder open.
    () => void opening?.then((late) => late.close()).catch(() => undefined),
  );
  return new Keepstate(store, config, objects);
}

