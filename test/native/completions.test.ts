// Completions are batched: what one tick asks for leaves together and comes back with one wake,
// every promise settles exactly once, and nothing is left pending.

import { setTimeout } from "node:timers/promises";

import test from "ava";

import { failed, settled, value } from "../../src/native/record.js";
import { addon, block, inFolder } from "./_testing.js";

const BYTES = new Uint8Array(1000).fill(7);

test.serial("a hundred promises of one tick cost one hand-over and one wake", async (t) => {
  const before = addon.pool();
  let settledTimes = 0;
  const promises = Array.from({ length: 100 }, async () => {
    t.is((await settled(addon.digest("crc32c", BYTES))).length, 8);
    settledTimes += 1;
  });
  t.is(addon.pool().pending, before.pending + 100);
  await Promise.resolve(); // the tick's microtasks: now they leave
  block(300); // all complete while JavaScript does not run
  await Promise.all(promises);
  await setTimeout(20); // a second wake would come now
  const after = addon.pool();
  t.is(settledTimes, 100);
  t.is(after.batches - before.batches, 1);
  t.is(after.wakes - before.wakes, 1);
  t.is(after.pending, before.pending);
});

test.serial("a hundred durable commits of one tick settle once each, with one wake", async (t) => {
  await inFolder(async (folder) => {
    const store = value(await addon.openLog(folder, {}));
    const before = addon.pool().wakes;
    const commits = Array.from({ length: 100 }, (_, i) => store.put(`key-${i}`, BYTES));
    t.true(commits.every((commit) => commit instanceof Promise));
    await Promise.resolve();
    block(1000);
    const versions = await Promise.all(commits.map((commit) => settled(commit)));
    await setTimeout(20);
    t.is(new Set(versions).size, 100);
    t.is(addon.pool().wakes - before, 1);
    t.is((await settled(store.list({}))).length, 100);
    await settled(store.close());
  });
  t.is(addon.pool().pending, 0);
});

test.serial("writes that take microseconds give their value at once", async (t) => {
  const memory = value(addon.openMemory());
  t.is(memory.put("a", BYTES), "1");
  t.deepEqual(memory.commit([[0, "b", BYTES], [1, "a"]]), ["2"]);
  await inFolder(async (folder) => {
    const log = value(await addon.openLog(folder, { durability: "async" }));
    t.is(typeof log.put("a", BYTES), "string");
    await settled(log.close());
  });
});

test.serial("the writes of a store that blocks keep their order", async (t) => {
  await inFolder(async (folder) => {
    const store = value(await addon.openDir(folder, {}));
    const writes = [];
    for (let i = 1; i <= 50; i += 1) {
      writes.push(settled(store.put("a", new Uint8Array(i))));
      if (i % 7 === 0) await Promise.resolve();
    }
    await Promise.all(writes);
    t.is((await settled(store.get("a")))?.value.length, 50);
    const last = settled(store.put("b", BYTES));
    await settled(store.close());
    t.is(typeof (await last), "string");
  });
});

test.serial("a call that is dropped settles with an error", async (t) => {
  const outcome = await addon.testDrop();
  t.true(failed(outcome) && outcome.error.code === "INTERNAL");
  t.is(addon.pool().pending, 0);
});

test.serial("large values are the caller's own, copied or handed over", async (t) => {
  const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
  const store = value(addon.openMemory());
  const large = new Uint8Array(300_000).map((_, i) => i);
  store.put("large", large);
  const found = value(await store.get("large"));
  t.true(found !== null && same(found.value, large));
  found?.value.fill(0);
  t.true(same((await settled(store.get("large")))?.value ?? new Uint8Array(), large));
  const part = await settled(store.get("large", { offset: 5, length: 3 }));
  t.deepEqual(part?.value, large.slice(5, 8));
  const packed = await settled(addon.compress("zstd", large));
  t.true(same(await settled(addon.decompress("zstd", packed, { maxLength: 300_000 })), large));
});

test.serial("verify tells its progress and can be cancelled", async (t) => {
  const store = value(addon.openMemory());
  store.put("a", BYTES);
  const told: number[][] = [];
  const damage = await settled(store.verify({ progress: (...now) => told.push(now) }));
  t.deepEqual(damage, []);
  t.deepEqual(told, [[1, 1]]);
  const token = addon.abortToken();
  token.abort();
  const outcome = await store.verify({ token });
  t.true(failed(outcome) && outcome.error.code === "ABORTED");
});
