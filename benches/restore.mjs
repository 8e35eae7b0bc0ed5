// Bench `restore`: the latest state 7 times and 25 random ones, in the process that saved them
// (warm), and in a fresh process over the same folder (reopened). Medians of the single calls.
import { checkStates } from "./check.mjs";
import { peakMegabytes } from "./harness/memory.mjs";
import { median } from "./harness/numbers.mjs";
import { picks, Replay, sessions } from "./sessions.mjs";

async function warm({ contestant, workload, folder }) {
  const store = await contestant.open(folder);
  let k = 0;
  for (const state of new Replay(workload.session).states()) {
    await store.save(state, k);
    k += 1;
  }
  const [latest, random] = await timed(store, k);
  const peak = peakMegabytes();
  await checkStates(store, workload);
  await store.close();
  return { "latest warm ms": latest, "random warm ms": random, "peak MB": peak };
}

async function reopened({ contestant, workload, folder }) {
  const store = await contestant.open(folder);
  const [latest, random] = await timed(store, new Replay(workload.session).length);
  await checkStates(store, workload);
  await store.close();
  return { "latest reopened ms": latest, "random reopened ms": random };
}

async function timed(store, length) {
  globalThis.gc?.();
  const latest = [];
  for (let run = 0; run < 7; run += 1) {
    latest.push(await milliseconds(() => store.latest(length - 1)));
  }
  const random = [];
  for (const k of picks(length, 25)) random.push(await milliseconds(() => store.restore(k)));
  return [median(latest), median(random)];
}

async function milliseconds(call) {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

export const bench = {
  name: "restore",
  kind: "states",
  phases: ["warm", "reopened"],
  measure: { warm, reopened },
  metrics: {
    "latest warm ms": { unit: "ms", better: "less" },
    "random warm ms": { unit: "ms", better: "less" },
    "latest reopened ms": { unit: "ms", better: "less" },
    "random reopened ms": { unit: "ms", better: "less" },
    "peak MB": { unit: "MB", better: "less" },
  },
  workloads: (options) =>
    sessions(options).map((session) => ({ name: session.name, session, edits: false })),
  // A durable variant stores the same bytes as its asynchronous one: once is enough.
  enters: ({ modes }) => modes.includes("async"),
};
