/**
 * Packing in the background: after a save that was acknowledged the core is asked whether it is
 * time, and what is due is done when nobody else packs. It never holds up a save, and its failure
 * is never one of a save: what was not packed is packed later.
 */

import type { TimelineCore } from "./core.js";

/** How packing is done, and who is told of what fails. */
export interface PackerOptions {
  readonly isOn: boolean;
  readonly onError?: ((error: unknown) => void) | undefined;
}

// At most one packs in an environment, whatever number of stores are open: time is for the agents.
let working: Promise<void> | undefined;
const waiting = new Map<TimelineCore, Packer>();

/** Who packs the timelines of one store. */
export class Packer {
  readonly #options: PackerOptions;
  #packs = 0;
  #failures = 0;
  #failure: string | undefined;
  #isClosed = false;
  #under: Promise<void> | undefined;

  constructor(options: PackerOptions) {
    this.#options = options;
  }

  /** A save of this timeline was acknowledged. */
  saved(core: TimelineCore): void {
    if (!this.#options.isOn || this.#isClosed) return;
    if (working) {
      waiting.set(core, this);
      return;
    }
    const first = this.begin(core);
    if (first) working = work(first);
  }

  /** Packs, if something is due. What it gives never rejects. */
  begin(core: TimelineCore): Promise<void> | undefined {
    try {
      const packing = core.maintain();
      if (packing) this.#under = this.#watch(packing);
      return packing && this.#under;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** How often something was packed, how often that failed, and how it failed last. */
  figures(): Record<string, string | number> {
    const counts = { packs: this.#packs, packFailures: this.#failures };
    return this.#failure === undefined ? counts : { ...counts, packFailure: this.#failure };
  }

  /** Begins nothing more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const [core, packer] of waiting) if (packer === this) waiting.delete(core);
    await this.#under;
  }

  async #watch(packing: Promise<unknown>): Promise<void> {
    try {
      await packing;
      this.#packs++;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failures++;
    this.#failure = error instanceof Error ? error.message : String(error);
    const { onError } = this.#options;
    // What it throws is nobody's answer here, and is uncaught as anywhere else.
    if (onError) queueMicrotask(() => onError(error));
  }
}

async function work(first: Promise<void>): Promise<void> {
  for (let packing: Promise<void> | undefined = first; packing; packing = next()) await packing;
  working = undefined;
}

function next(): Promise<void> | undefined {
  for (const [core, packer] of waiting) {
    waiting.delete(core);
    const packing = packer.begin(core);
    if (packing) return packing;
  }
  return undefined;
}
