// The addon with the exports that fail on purpose (the cargo feature `testing`), and folders to try
// things in.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Later, NativeMachine, Outcome } from "../../src/native/addon.js";
import type { NativeAddon } from "../../src/native/exports.js";
import { native } from "../../src/native.js";

/** What a build for tests exports beside the rest. */
export interface TestingAddon extends NativeAddon {
  testPanic(): Outcome<never>;
  testPanicOnPool(): Later<never>;
  testPanicInQueue(): Later<never>;
  testPanicInMachine(): Outcome<NativeMachine<number>>;
  testDrop(): Later<never>;
  testSleep(milliseconds: number): Later<null>;
  /** Gets `a` and `b` at once, then the time: ends with the time and both lengths, added. */
  testMachine(): Outcome<NativeMachine<number>>;
}

export const addon: TestingAddon = native() as TestingAddon;

/** A new folder that is gone after `use`. */
export async function inFolder<T>(use: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "keepstate-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps JavaScript from running, so that what other threads complete waits in the queue. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
