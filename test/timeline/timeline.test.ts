// Timelines: what is saved is restored, in order, over the core's stores and over a user's own.

import test, { type ExecutionContext } from "ava";

import { type Keepstate, KeepstateError, open } from "../../src/index.js";
import { IN_MEMORY } from "../fixtures/places.js";

for (const [place, options] of IN_MEMORY) {
  const over = (what: string, attempt: (t: ExecutionContext, ks: Keepstate) => Promise<void>): void =>
    test(`${place}: ${what}`, async (t) => {
      await using ks = await open(options());
      await attempt(t, ks);
    });

  over("rich types survive", async (t, ks) => {
    const run = ks.timeline("a/b");
    const state = {
      date: new Date(5),
      bytes: new Uint8Array([1, 2]),
      big: 2n ** 80n,
      map: new Map<unknown, unknown>([[1, { x: new Set(["y"]) }]]),
      odd: [undefined, NaN, -0, Infinity],
      text: "\u{1f600}\0",
    };
    await run.save(state);
    t.deepEqual(await run.restore(), state);
  });

  over("a save tells what it saved", async (t, ks) => {
    const metadata = { cost: 0.5, at: new Date(1) };
    const snapshot = await ks.timeline("a/b").save({ n: 1 }, { label: "l", description: "d", metadata });
    t.like(snapshot, { ref: "a/b@1", agent: "a", session: "b", sequence: 1, encoding: "msgpack" });
    t.like(snapshot, { label: "l", description: "d", metadata });
    t.regex(snapshot.id, /^[0-9a-f]{64}$/);
    t.true(Math.abs(snapshot.time.getTime() - Date.now()) < 60_000);
    t.deepEqual(await ks.timeline("a/b").show("@1"), snapshot);
  });

  over("saves under way together land in the order of the calls", async (t, ks) => {
    const run = ks.timeline<{ n: number }>("a/b");
    const state = { n: 0, filler: "x".repeat(1000) };
    const saves = Array.from({ length: 30 }, (_, n) => {
      state.n = n;
      return run.save(state);
    });
    state.n = -1;
    const numbers = (await Promise.all(saves)).map(({ sequence }) => sequence);
    t.deepEqual(numbers, Array.from({ length: 30 }, (_, i) => i + 1));
    for (const n of [0, 7, 29]) t.is((await run.restore(`@${n + 1}`)).n, n);
  });

  over("close waits for saves under way", async (t, ks) => {
    const run = ks.timeline("a/b");
    let saved = 0;
    for (const n of [1, 2, 3]) void run.save({ n }).then(() => saved++);
    await ks.close();
    t.is(saved, 3);
    await t.throwsAsync(() => run.save(1), { code: "CLOSED" });
    await t.throwsAsync(() => run.restore(), { code: "CLOSED" });
    t.like(t.throws(() => ks.timeline("a/b")), { code: "CLOSED" });
  });

  over("a list is in order and in parts", async (t, ks) => {
    const run = ks.timeline("a/b");
    for (let n = 0; n < 120; n++) await run.save({ n });
    const numbers = async (options: Parameters<typeof run.list>[0]): Promise<number[]> => {
      const found: number[] = [];
      for await (const { sequence } of run.list(options)) found.push(sequence);
      return found;
    };
    t.is((await numbers({})).length, 120);
    t.deepEqual(await numbers({ after: 10, limit: 3 }), [11, 12, 13]);
    t.deepEqual(await numbers({ after: 117 }), [118, 119, 120]);
    t.deepEqual(await numbers({ before: 3 }), [1, 2]);
    t.deepEqual(await numbers({ reverse: true, limit: 2 }), [120, 119]);
    t.is((await numbers({ reverse: true })).length, 120);
    t.deepEqual(await numbers({ reverse: true, after: 115, before: 119 }), [118, 117, 116]);
    await t.throwsAsync(() => numbers({ limit: -1 }), { code: "INVALID_ARGUMENT" });
  });

  over("a diff is a patch", async (t, ks) => {
    const run = ks.timeline("a/b");
    await run.save({ list: [1, 2], model: "small" });
    await run.save({ list: [1, 2, 3], model: "large" });
    t.deepEqual(await run.diff("@1"), [
      { op: "add", path: "/list/2", value: 3 },
      { op: "replace", path: "/model", value: "large" },
    ]);
    t.deepEqual(await run.diff("@2", "@2"), []);
  });

  over("an idempotency key saves once", async (t, ks) => {
    const run = ks.timeline("a/b");
    const first = await run.save({ n: 1 }, { idempotencyKey: "k" });
    t.is((await run.save({ n: 1 }, { idempotencyKey: "k" })).sequence, first.sequence);
    await t.throwsAsync(() => run.save({ n: 2 }, { idempotencyKey: "k" }), {
      code: "IDEMPOTENCY_MISMATCH",
    });
    await run.save({ n: 3 });
    t.deepEqual(await run.restore(), { n: 3 });
  });

  over("two handles: one is first, the other is told", async (t, ks) => {
    const [left, right] = [ks.timeline("a/b"), ks.timeline("a/b")];
    await left.save({ n: 0 });
    await right.save({ n: 1 });
    await t.throwsAsync(() => left.save({ n: 2 }), { code: "CONFLICT" });
    await t.throwsAsync(() => left.save({ n: 2 }), { code: "CONFLICT" }, "until it restores");
    t.deepEqual(await left.restore(), { n: 1 });
    t.is((await left.save({ n: 3 })).sequence, 3);
  });

  over("verify finds no damage where there is none", async (t, ks) => {
    const run = ks.timeline("a/b");
    for (let n = 0; n < 5; n++) await run.save({ n });
    t.like(await run.verify(), { snapshots: 5, damage: [] });
  });

  over("delete removes all, and numbers never restart", async (t, ks) => {
    const run = ks.timeline("a/b");
    await run.save({ n: 1 });
    await run.save({ n: 2 });
    t.is((await run.delete()).snapshots, 2);
    await t.throwsAsync(() => ks.timeline("a/b").restore(), { code: "NOT_FOUND" });
    t.true((await ks.timeline("a/b").save({ n: 3 })).sequence > 2);
  });

  over("timelines are listed by prefix, whatever their names", async (t, ks) => {
    const names = [
      { agent: "a", session: "1" },
      { agent: "a", session: "1/2" },
      { agent: "a@b", session: "%" },
      { agent: "b", session: "1" },
    ];
    for (const name of names) {
      for (let n = 0; n < 3; n++) await ks.timeline(name).save({ n });
    }
    const refs = async (prefix: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const { ref } of ks.timelines(prefix)) found.push(ref);
      return found;
    };
    t.deepEqual(await refs(""), ["a/1%2F2", "a/1", "a%40b/%25", "b/1"]);
    t.deepEqual(await refs("a/"), ["a/1%2F2", "a/1"]);
    t.deepEqual(await refs("a%40"), ["a%40b/%25"]);
    t.deepEqual(await refs("x"), []);
    await ks.timeline("a/1").delete();
    t.deepEqual(await refs("a/"), ["a/1%2F2"]);
  });

  over("what does not exist is NOT_FOUND", async (t, ks) => {
    const run = ks.timeline("a/b");
    await t.throwsAsync(() => run.restore(), { code: "NOT_FOUND" });
    await run.save(1);
    await t.throwsAsync(() => run.restore("@9"), { code: "NOT_FOUND" });
    await t.throwsAsync(() => run.show("#nothing"), { code: "NOT_FOUND" });
    await t.throwsAsync(() => run.restore("nonsense"), { code: "INVALID_REF" });
  });

  over("a name too long is KEY_TOO_LONG", async (t, ks) => {
    const name = { agent: "a", session: "s".repeat(1100) };
    t.like(t.throws(() => ks.timeline(name)), { code: "KEY_TOO_LONG" });
  });

  over("an aborted signal rejects with its reason", async (t, ks) => {
    const run = ks.timeline("a/b");
    await run.save({ n: 1 });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const calls = [
      () => run.save(1, { signal }),
      () => run.restore("@1", { signal }),
      () => run.show("@1", { signal }),
      () => run.list({ signal }).next(),
      () => run.diff("@1", "@1", { signal }),
      () => run.verify(undefined, { signal }),
      () => run.delete({ signal }),
      () => open({ store: "memory:", signal }),
    ];
    for (const call of calls) t.is(await t.throwsAsync(call), reason);
    t.deepEqual(await run.restore(), { n: 1 });
  });

  over("an error has the caller's stack", async (t, ks) => {
    try {
      await ks.timeline("a/b").restore();
      t.fail();
    } catch (error) {
      t.true(error instanceof KeepstateError);
      t.regex((error as Error).stack ?? "", /timeline\.test\.js/);
    }
  });
}
