// Bench `save`: every state of a session is saved, each save awaited, only the save call timed.
// "main thread" is the time the event loop was busy during one save, waiting not counted.
import { mkdtempSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { checkStates } from "./check.mjs";
import { folderBytes, removeFolder } from "./harness/folder.mjs";
import { peakMegabytes } from "./harness/memory.mjs";
import { median, percentile } from "./harness/numbers.mjs";
import { patterns } from "./patterns.mjs";
import { Replay, sessions } from "./sessions.mjs";

async function saved({ contestant, workload, folder }) {
  const replay = new Replay(workload.session, workload);
  const store = await contestant.open(folder);
  const appended = workload.pattern && (await appending({ contestant, workload, folder }));
  const walls = [];
  const busy = [];
  let last;
  globalThis.gc?.();
  for (const state of replay.states()) {
    const before = performance.eventLoopUtilization();
    const start = performance.now();
    await store.save(state, walls.length);
    walls.push(performance.now() - start);
    busy.push(performance.eventLoopUtilization(before).active);
    await appended?.next();
    last = state;
  }
  const peak = peakMegabytes();
  const held = await released(() => Promise.all([store.close(), appended?.close()]), last);
  const bytes = folderBytes(folder);
  if (contestant.modes.includes("packed")) return { "bytes packed": bytes };
  return {
    ...totals(contestant.modes, walls),
    "bytes stored": bytes,
    "main thread p50 ms": median(busy),
    "p99 ms": percentile(walls, 0.99),
    "peak MB": peak,
    ...(appended ? { "x append": sum(walls) / appended.total() } : { "held per state": held }),
  };
}

const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);

/** The same session, appended to, in a store of its own: saved in turn with another pattern. */
async function appending({ contestant, workload, folder }) {
  const place = mkdtempSync(`${dirname(folder)}/append-`);
  const store = await contestant.open(place);
  const states = new Replay(workload.session).states();
  const walls = [];
  return {
    async next() {
      const { value } = states.next();
      const start = performance.now();
      await store.save(value, walls.length);
      walls.push(performance.now() - start);
    },
    total: () => sum(walls),
    async close() {
      await store.close();
      removeFolder(place);
    },
  };
}

/** What the store holds of the heap and beside it, as a part of the last state's size as JSON. */
async function released(close, last) {
  const used = () => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  await close();
  await pause(0);
  return (before - used()) / Buffer.byteLength(JSON.stringify(last));
}

function totals(modes, walls) {
  return Object.fromEntries(modes.map((mode) => [`save ${mode} s`, sum(walls) / 1000]));
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
    "held per state": { unit: "", better: "less" },
    "x append": { unit: "", better: "less" },
  },
  // Each session as it was, with old items edited in place, which no one may miss, and with its
  // list living otherwise: then each save's cost stands beside that of appending.
  workloads: (options) =>
    sessions(options).flatMap((session) => [
      { name: session.name, session, edits: false },
      { name: `${session.name}, edited`, session, edits: true },
      ...Object.keys(patterns).map((pattern) => ({
        name: `${session.name}, ${pattern}`,
        session,
        edits: false,
        pattern,
      })),
    ]),
  enters: () => true,
};
