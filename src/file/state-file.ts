/** Single files: one self-contained snapshot at a key of a store. */

import { KeepstateError } from "../errors.js";
import type { Store } from "../ports/store.js";
import { type FileTools, openFile, readMetadata, sealFile } from "./form.js";
import type { FileMetadata, FileSaveOptions } from "./metadata.js";

/** What every call that waits takes. */
interface SignalOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a file handle is made of. The engine wires it. */
export interface StateFileParts extends FileTools {
  readonly store: Store;
  readonly track: <T>(work: Promise<T>) => Promise<T>;
}

/** A handle on the single file at a key. */
export class StateFile<State = unknown> {
  readonly key: string;
  readonly #parts: StateFileParts;

  /** Use `ks.file(...)`. */
  constructor(key: string, parts: StateFileParts) {
    this.key = key;
    this.#parts = parts;
  }

  /** Saves a state over whatever is there. It is taken before the promise is returned. */
  async save(state: State, options: FileSaveOptions = {}): Promise<FileMetadata> {
    options.signal?.throwIfAborted();
    const { track, store, codecs, clock, types } = this.#parts;
    const sealed = sealFile(this.key, state, { ...options, codecs, clock, types });
    return await track(
      sealed.then(async ({ bytes, metadata }) => {
        await store.put(this.key, bytes, { signal: options.signal });
        return metadata;
      }),
    );
  }

  /** The state, proven by its hash. */
  async restore(options: SignalOptions = {}): Promise<State> {
    const bytes = await this.#read(options);
    return (await openFile(this.key, bytes, this.#parts)) as State;
  }

  /** What the file says of its state, which is not proven. */
  async metadata(options: SignalOptions = {}): Promise<FileMetadata> {
    return await readMetadata(this.key, await this.#read(options), this.#parts.codecs);
  }

  /** Reads the file and proves its hash; rejects with what is wrong. */
  async verify(options: SignalOptions = {}): Promise<void> {
    await this.restore(options);
  }

  /** Whether there is anything at the key. */
  async exists({ signal }: SignalOptions = {}): Promise<boolean> {
    const range = { offset: 0, length: 0 };
    const found = await this.#parts.store.get(this.key, { range, signal });
    return found !== undefined;
  }

  /** Removes the file. What is absent is no error. */
  async delete({ signal }: SignalOptions = {}): Promise<void> {
    await this.#parts.track(this.#parts.store.delete(this.key, { signal }));
  }

  async #read({ signal }: SignalOptions): Promise<Uint8Array> {
    const found = await this.#parts.store.get(this.key, { signal });
    if (found) return found.value;
    const message = `There is no file ${this.key}. ks.files() lists what there is.`;
    throw new KeepstateError("NOT_FOUND", message, { key: this.key });
  }
}
