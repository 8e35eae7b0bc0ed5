/** The stores of the core behind the port: converts, and turns error records into errors. */

import { abortable } from "../abort.js";
import { KeepstateError } from "../errors.js";
import { ABSENT, CHECK, DELETE, PUT } from "../native/addon.js";
import type { Condition, NativeOp, NativeStore, NativeVerifyOptions } from "../native/addon.js";
import { raised, settled, value } from "../native/record.js";
import { native } from "../native.js";
import type { EmbeddedStore, VerifyOptions } from "../ports/embedded.js";
import type {
  CallOptions,
  DeleteOptions,
  Entry,
  Found,
  GetOptions,
  ListOptions,
  Mode,
  Op,
  PutOptions,
  Supports,
  Version,
} from "../ports/store.js";
import { readSync } from "./read-sync.js";

// How many entries one call into the core lists.
const PAGE = 1000;

/** A store of the core. */
export class NativeStoreAdapter implements EmbeddedStore {
  readonly supports: Supports;
  /** What timelines of the core run on. */
  readonly handle: NativeStore;

  /** There only where the store has batches. */
  readonly commit?: NonNullable<EmbeddedStore["commit"]>;

  constructor(handle: NativeStore) {
    this.handle = handle;
    const { view: _, ...supports } = handle.supports();
    this.supports = { ...supports, watch: false };
    if (supports.commit) this.commit = (batch, options) => this.#commit(batch, options);
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Found | undefined> {
    requireText(key);
    const found = await abortable(signal, () => settled(this.handle.get(key, range)));
    return found ?? undefined;
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<Version> {
    options.signal?.throwIfAborted();
    requireText(key);
    const soon = this.handle.put(key, bytes, condition(options.mode), options.ttl);
    return await abortable(options.signal, () => settled(soon));
  }

  async delete(key: string, { ifVersion, signal }: DeleteOptions = {}): Promise<void> {
    requireText(key);
    await abortable(signal, () => settled(this.handle.delete(key, ifVersion)));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<Entry, void> {
    let left = options.limit ?? Infinity;
    let { after } = options;
    while (left > 0) {
      const limit = Math.min(left, PAGE);
      const query = { prefix, limit, ...(after === undefined ? {} : { after }) };
      const page = await abortable(options.signal, () => settled(this.handle.list(query)));
      for (const entry of page) {
        options.signal?.throwIfAborted();
        yield entry;
      }
      if (page.length < limit) return;
      left -= page.length;
      after = page.at(-1)?.key;
    }
  }

  getSync(key: string): Uint8Array | undefined;
  getSync(key: string, into: Uint8Array): number | undefined;
  getSync(key: string, into?: Uint8Array): Uint8Array | number | undefined {
    requireText(key);
    const read = into ? this.handle.getSync(key, into, 0) : readSync(this.handle, key);
    if (typeof read === "object" || read >= 0) return read;
    if (read === ABSENT) return undefined;
    throw raised(this.handle.takeError(), this.getSync);
  }

  async flush({ signal }: CallOptions = {}): Promise<void> {
    await abortable(signal, () => settled(this.handle.flush()));
  }

  async stats({ signal }: CallOptions = {}): Promise<Record<string, number>> {
    return await abortable(signal, () => settled(this.handle.stats()));
  }

  async verify({ signal, progress }: VerifyOptions = {}): Promise<KeepstateError[]> {
    const token = native().abortToken();
    const options: NativeVerifyOptions = { token, ...(progress ? { progress } : {}) };
    const damage = await abortable(
      signal,
      () => settled(this.handle.verify(options)),
      () => token.abort(),
    );
    return damage.map((record) => raised(record, this.verify));
  }

  async compact({ signal }: CallOptions = {}): Promise<void> {
    await abortable(signal, () => settled(this.handle.compact()));
  }

  view(): EmbeddedStore {
    return new NativeStoreAdapter(value(this.handle.view()));
  }

  async close(): Promise<void> {
    await settled(this.handle.close());
  }

  async #commit(batch: readonly Op[], { signal }: CallOptions = {}): Promise<Version[]> {
    signal?.throwIfAborted();
    for (const { key } of batch) requireText(key);
    const soon = this.handle.commit(batch.map(nativeOp));
    return await abortable(signal, () => settled(soon));
  }
}

/** The condition as the core takes it: a version, null for absent, undefined for none. */
function condition(mode: Mode | undefined): Condition {
  if (mode === undefined || mode === "overwrite") return undefined;
  if (mode === "create") return null;
  if (typeof mode === "object" && typeof mode.ifVersion === "string") return mode.ifVersion;
  const message = `mode must be "overwrite", "create" or { ifVersion }, not ${String(mode)}.`;
  throw new KeepstateError("INVALID_ARGUMENT", message);
}

function nativeOp(op: Op): NativeOp {
  switch (op.op) {
    case "put":
      if (op.ttl === undefined) return [PUT, op.key, op.value, condition(op.mode)];
      return [PUT, op.key, op.value, condition(op.mode), op.ttl];
    case "delete":
      return op.ifVersion === undefined ? [DELETE, op.key] : [DELETE, op.key, op.ifVersion];
    case "check":
      return [CHECK, op.key, op.version ?? null];
  }
}

/** UTF-8 cannot hold half of a surrogate pair: it would silently become another key. */
function requireText(key: string): void {
  if (typeof key === "string" && key.isWellFormed()) return;
  const message = `A key must be well-formed text, not ${JSON.stringify(key)}.`;
  throw new KeepstateError("INVALID_ARGUMENT", message);
}
