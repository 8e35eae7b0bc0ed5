/**
 * Time and randomness, behind a port: nothing else in `src/` reads a clock or draws a random
 * number, so that every run can be replayed.
 */

import { randomFillSync } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

/** Where time and randomness come from. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** So many bytes that nobody can guess. */
  random(count: number): Uint8Array;
  /** Resolves after so many milliseconds, or rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: (count) => randomFillSync(new Uint8Array(count)),
  sleep: async (milliseconds, signal) => {
    try {
      await wait(milliseconds, undefined, signal ? { signal } : {});
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
