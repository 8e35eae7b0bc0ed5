// Calls leave nothing behind: after a warm-up, the memory of the process stays where it is.

import test from "ava";

import type { NativeStore } from "../../src/native/addon.js";
import { settled, value } from "../../src/native/record.js";
import { addon } from "./_testing.js";

const GROWTH_MAX = 24 << 20;

/** How much the process grew over the later half of the rounds. */
async function growth(rounds: number, round: () => Promise<unknown> | unknown): Promise<number> {
  const collect = (globalThis as { gc?: () => void }).gc;
  let middle = 0;
  for (let i = 0; i < rounds; i += 1) {
    await round();
    if (i === Math.floor(rounds / 2)) {
      collect?.();
      middle = process.memoryUsage.rss();
    }
  }
  collect?.();
  return process.memoryUsage.rss() - middle;
}

function times(count: number, work: (i: number) => unknown): void {
  for (let i = 0; i < count; i += 1) work(i);
}

const store: NativeStore = value(addon.openMemory());
const value1k = new Uint8Array(1000);
store.put("a", value1k);

test.serial("200,000 getSync", async (t) => {
  const into = new Uint8Array(4096);
  const grown = await growth(20, () => times(10_000, () => store.getSync("a", into, 0)));
  t.true(grown < GROWTH_MAX, `${grown} bytes`);
});

test.serial("100,000 puts, and as many errors", async (t) => {
  const put = (): unknown => [store.put("a", value1k), store.put("a", value1k, null)];
  const round = (): void => times(10_000, put);
  const grown = await growth(10, round);
  t.true(grown < GROWTH_MAX, `${grown} bytes`);
});

test.serial("40,000 promises and their values", async (t) => {
  const round = async (): Promise<void> => {
    const calls = Array.from({ length: 1000 }, () => settled(addon.digest("crc32c", value1k)));
    await Promise.all(calls);
  };
  t.true((await growth(40, round)) < GROWTH_MAX);
});

test.serial("handles and large buffers are freed", async (t) => {
  const large = new Uint8Array(200_000);
  const packed = value(addon.compressSync("lz4", large));
  const round = async (): Promise<void> => {
    times(100, () => {
      value(addon.openMemory()).put("large", large);
      value(addon.decompressSync("lz4", packed, { maxLength: 200_000 }));
      value(addon.testMachine());
    });
    // Finalizers run between ticks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  const grown = await growth(14, round);
  t.true(grown < 4 * GROWTH_MAX, `${grown} bytes`);
});

test.serial("what a timeline holds is told to the collector", async (t) => {
  const before = process.memoryUsage().external;
  const timeline = value(addon.timeline(store, { agent: "a", session: "b" }, {}));
  await settled(timeline.save(crypto.getRandomValues(new Uint8Array(60_000))));
  await settled(timeline.show("@latest"));
  const held = process.memoryUsage().external - before;
  t.true(held > 60_000 && held < 1_000_000, `${held} bytes`);
});
