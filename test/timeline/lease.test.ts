// A lease lets one handle save and tells the others; who was stalled while another took over finds
// out at its next save.

import { setTimeout } from "node:timers/promises";

import test from "ava";

import { open } from "../../src/index.js";
import { MapStore } from "../fixtures/map-store.js";
import { everywhere } from "../fixtures/places.js";

everywhere("while one holds the lease, others cannot save", async (t, { ks, again }) => {
  const holder = ks.timeline("a/b", { lease: true });
  const other = (await again()).timeline("a/b");
  await holder.save({ n: 1 });
  await other.restore();
  const error = await t.throwsAsync(() => other.save({ n: 2 }), { code: "LEASE_HELD" });
  t.like(error, { retryable: true, timeline: "a/b" });
  t.is((await holder.save({ n: 2 })).sequence, 2);
  await holder.release();
  await other.restore();
  t.is((await other.save({ n: 3 })).sequence, 3);
  await holder.release();
});

everywhere("a stalled holder finds out that another took over", async (t, { ks, again }) => {
  const stalled = ks.timeline("a/b", { lease: { ttl: 30 } });
  const next = (await again()).timeline("a/b", { lease: { ttl: "1m" } });
  await stalled.save({ n: 1 });
  await setTimeout(60);
  await next.restore();
  await next.save({ n: 2 });
  await t.throwsAsync(() => stalled.save({ n: -2 }), { code: "LEASE_LOST", message: /taken over/ });
  await stalled.restore();
  await t.throwsAsync(() => stalled.save({ n: -2 }), { code: "LEASE_LOST" });
  t.deepEqual(await next.restore(), { n: 2 });
  await next.save({ n: 3 });
  t.deepEqual((await next.verify()).damage, []);
});

test("a close gives leases back", async (t) => {
  const store = new MapStore();
  const first = await open({ store });
  const run = first.timeline("a/b", { lease: { ttl: "1h" } });
  await run.save({ n: 1 });
  await first.close();
  await using second = await open({ store });
  const after = second.timeline("a/b");
  await after.restore();
  t.is((await after.save({ n: 2 })).sequence, 2);
});

test("a lease is true, or has a ttl", async (t) => {
  await using ks = await open("memory:");
  const wrong: [lease: unknown, says: RegExp][] = [
    [7, /lease must be true or/],
    ["60s", /lease must be true or/],
    [{ ttl: "soon" }, /ttl of a lease must be milliseconds or a length of time/],
    [{ ttl: -1 }, /ttl of a lease/],
    [{ ttl: 0 }, /at least a millisecond/],
    [{ tl: 5 }, /no option tl. Did you mean ttl\?/],
  ];
  for (const [lease, message] of wrong) {
    t.throws(() => ks.timeline("a/b", { lease } as never), { code: "INVALID_ARGUMENT", message });
  }
  t.throws(() => ks.timeline("a/b", { leese: true } as never), { message: /Did you mean lease\?/ });
  await ks.timeline("a/b", { lease: false }).save(1);
});
