// A store opens by a path with options beside it, or by options alone, and both mean the same.

import { join } from "node:path";

import test from "ava";

import { open } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";

test("options count beside a path as within options", async (t) => {
  const folder = await emptyFolder(t);
  for (const durability of ["sync", "async"] as const) {
    const beside = await open(join(folder, "beside"), { durability });
    const within = await open({ store: join(folder, "within"), durability });
    const durable = durability === "sync" ? "yes" : "no";
    t.is(beside.store.supports.durable, durable);
    t.is(within.store.supports.durable, durable);
    await beside.close();
    await within.close();
  }
});

test("every call on a store that waits can be given up, and so can opening", async (t) => {
  const folder = join(await emptyFolder(t), "state");
  await using ks = await open(folder);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const calls = [
    () => open(folder, { signal }),
    () => ks.flush({ signal }),
    () => ks.stats({ signal }),
    async () => ks.store.compact?.({ signal }),
  ];
  for (const call of calls) t.is(await t.throwsAsync(call), reason);
  const given = new AbortController();
  const opening = open(folder, { signal: given.signal });
  given.abort(reason);
  t.is(await t.throwsAsync(opening), reason);
  await ks.timeline("a/b").save(1);
  t.is(await ks.timeline("a/b").restore(), 1);
});

test("an option that does not exist is refused beside a path, too", async (t) => {
  const folder = await emptyFolder(t);
  const options = { durabilty: "async" } as object;
  await t.throwsAsync(open(join(folder, "state"), options), { code: "INVALID_CONFIG" });
});
