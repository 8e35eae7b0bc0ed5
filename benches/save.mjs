// Bench `save`: every state of a session is saved, each save awaited, only the save call timed.
// "main thread" is the time the event loop was busy during one save, waiting not counted.
import { checkStates } from "./check.mjs";
import { folderBytes } from "./harness/folder.mjs";
import { peakMegabytes } from "./harness/memory.mjs";
import { median, percentile } from "./harness/numbers.mjs";
import { Replay, sessions } from "./sessions.mjs";

async function saved({ contestant, workload, folder }) {
  const replay = new Replay(workload.session, workload);
  const store = await contestant.open(folder);
  const walls = [];
  const busy = [];
  globalThis.gc?.();
  for (const state of replay.states()) {
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    await store.save(state, walls.length);
    walls.push(performance.now() - start);
    busy.push(performance.eventLoopUtilization(before).active);
  }
  const peak = peakMegabytes();
  await store.close();
  const bytes = folderBytes(folder);
  if (contestant.modes.includes("packed")) return { "bytes packed": bytes };
  return {
    ...totals(contestant.modes, walls),
    "bytes stored": bytes,
    "main thread p50 ms": median(busy),
    "p99 ms": percentile(walls, 0.99),
    "peak MB": peak,
  };
}

function totals(modes, walls) {
  const seconds = walls.reduce((sum, wall) => sum + wall, 0) / 1000;
  return Object.fromEntries(modes.map((mode) => [`save ${mode} s`, seconds]));
}

// In a fresh process, so that what is compared comes from the medium.
async function checked({ contestant, workload, folder }) {
  if (contestant.modes.includes("packed")) return {};
  const store = await contestant.open(folder);
  await checkStates(store, workload);
  if (!store.pack) {
    await store.close();
    return {};
  }
  await store.pack();
  await checkStates(store, workload);
  await store.close();
  return { "bytes packed": folderBytes(folder) };
}

export const bench = {
  name: "save",
  kind: "states",
  phases: ["saved", "checked"],
  measure: { saved, checked },
  metrics: {
    "save async s": { unit: "s", better: "less" },
    "save durable s": { unit: "s", better: "less" },
    "bytes stored": { unit: "B", better: "less" },
    "bytes packed": { unit: "B", better: "less" },
    "main thread p50 ms": { unit: "ms", better: "less" },
    "p99 ms": { unit: "ms", better: "less" },
    "peak MB": { unit: "MB", better: "less" },
  },
  // Each session as it was, and with old items edited in place, which no one may miss.
  workloads: (options) =>
    sessions(options).flatMap((session) => [
      { name: session.name, session, edits: false },
      { name: `${session.name}, edited`, session, edits: true },
    ]),
  enters: () => true,
};
