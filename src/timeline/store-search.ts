/** Search over all timelines of a store. */

import type { TimelineEntry } from "./names.js";
import type { TimelineName } from "./reference.js";
import { type SearchOptions, storeSearchOf, type StoreSearchOptions } from "./search.js";
import type { Snapshot } from "./snapshot.js";

/** What is searched. */
export interface Searched {
  readonly timelines: (prefix: string, signal?: AbortSignal) => AsyncIterable<TimelineEntry>;
  readonly timeline: (name: TimelineName) => {
    search(options: SearchOptions): AsyncIterable<Snapshot>;
  };
}

/** One timeline after the other, in the order of their keys. */
export function searchStore(
  { timelines, timeline }: Searched,
  given: StoreSearchOptions,
): AsyncGenerator<Snapshot, void> {
  const { prefix, isMeant, options } = storeSearchOf(given);
  async function* run(): AsyncGenerator<Snapshot, void> {
    let limit = options.limit ?? Infinity;
    for await (const { agent, session } of timelines(prefix, options.signal)) {
      if (limit <= 0) return;
      if (!isMeant({ agent, session })) continue;
      const rest = limit === Infinity ? {} : { limit };
      for await (const snapshot of timeline({ agent, session }).search({ ...options, ...rest })) {
        yield snapshot;
        limit--;
      }
    }
  }
  return run();
}
