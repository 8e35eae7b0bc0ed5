/** Which single files a store holds. */

import type { CallOptions, Store } from "../ports/store.js";
import type { Codecs } from "./codecs.js";

/** One file of a listing. */
export interface FileEntry {
  readonly key: string;
  /** Its length in bytes, as it is stored. */
  readonly size: number;
  readonly modified: Date;
}

// What the engine itself keeps in a store is no file, whatever it is named.
const RESERVED = /^(?:t|doc|chunk|keepstate)\//;

/** The keys that are named as single files are, in order. */
export async function* listFiles(
  store: Store,
  options: CallOptions & { readonly prefix: string; readonly codecs: Codecs },
): AsyncGenerator<FileEntry, void> {
  const { prefix, codecs, signal } = options;
  for await (const { key, size, modified } of store.list(prefix, { signal })) {
    if (RESERVED.test(key) || !codecs.isFileName(key)) continue;
    yield { key, size, modified: new Date(modified) };
  }
}
