/** Who watches which timeline in this process, so that nobody waits for what is known here. */

/** Somebody who wants to know of new snapshots. */
export interface Watcher {
  /** A snapshot of this number was saved. */
  tell(sequence: number): void;
  /** Nothing more will come. */
  end(): void;
}

/** The watchers of one store. */
export class Hub {
  readonly #watchers = new Map<string, Set<Watcher>>();

  /** Adds a watcher of a timeline. */
  join(ref: string, watcher: Watcher): void {
    const there = this.#watchers.get(ref);
    if (there) there.add(watcher);
    else this.#watchers.set(ref, new Set([watcher]));
  }

  /** Takes it out again. */
  leave(ref: string, watcher: Watcher): void {
    const there = this.#watchers.get(ref);
    there?.delete(watcher);
    if (there?.size === 0) this.#watchers.delete(ref);
  }

  /** A snapshot of a timeline was saved. */
  tell(ref: string, sequence: number): void {
    for (const watcher of this.#watchers.get(ref) ?? []) watcher.tell(sequence);
  }

  /** Ends all watches. */
  close(): void {
    for (const watchers of [...this.#watchers.values()]) {
      for (const watcher of [...watchers]) watcher.end();
    }
  }
}
