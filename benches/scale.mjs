// Bench `scale`: a history of small states that change a little, and many timelines in one folder.
// What a save costs is told for the last tenth beside the first, with all that is done behind it:
// the processor time of the whole process counts, not only the call.
import { performance } from "node:perf_hooks";

import { folderBytes } from "./harness/folder.mjs";
import { peakMegabytes } from "./harness/memory.mjs";
import { dice, median, percentile } from "./harness/numbers.mjs";
import { picks } from "./sessions.mjs";

const ROUNDS = 12;

/** States of about a kilobyte: a step, and the last lines of a conversation. */
function* states(seed) {
  const roll = dice(seed + 1);
  const lines = [];
  for (let step = 0; ; step += 1) {
    const words = Array.from({ length: 6 + roll(8) }, () => `w${roll(4000).toString(36)}`);
    lines.push({ role: step % 2 ? "tool" : "agent", text: words.join(" ") });
    if (lines.length > 12) lines.shift();
    yield { step, messages: [...lines] };
  }
}

const processor = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

async function timed(call) {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

async function grown({ contestant, workload, folder }) {
  if (workload.timelines) return spread({ contestant, workload, folder });
  const store = await contestant.open(folder);
  const tenth = Math.ceil(workload.count / 10);
  const costs = [];
  const walls = [];
  const source = states(0);
  for (let part = 0; part < 10; part += 1) {
    const before = processor();
    for (let k = part * tenth; k < (part + 1) * tenth; k += 1) {
      const { value } = source.next();
      const wall = await timed(() => store.save(value, k));
      if (part === 9) walls.push(wall);
    }
    costs.push((processor() - before) / tenth);
  }
  const peak = peakMegabytes();
  await store.close();
  return {
    "save us": median(walls) * 1000,
    "save p99 us": percentile(walls, 0.99) * 1000,
    "cpu us": costs[9],
    "x first tenth": costs[9] / costs[0],
    "bytes stored": folderBytes(folder),
    "peak MB": peak,
  };
}

async function spread({ contestant, workload, folder }) {
  const store = await contestant.openMany(folder);
  const sources = Array.from({ length: workload.timelines }, (_, n) => states(n));
  const costs = [];
  const walls = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = processor();
    for (const [n, source] of sources.entries()) {
      const { value } = source.next();
      walls.push(await timed(() => store.save(n, value)));
    }
    costs.push((processor() - before) / sources.length);
  }
  const peak = peakMegabytes();
  await store.close();
  return {
    "save us": median(walls) * 1000,
    "save p99 us": percentile(walls, 0.99) * 1000,
    "cpu us": costs.at(-1),
    "x first tenth": costs.at(-1) / costs[0],
    "bytes stored": folderBytes(folder),
    "peak MB": peak,
  };
}

async function reopened({ contestant, workload, folder }) {
  let store;
  const open = workload.timelines ? contestant.openMany : contestant.open;
  const opened = await timed(async () => {
    store = await open(folder);
  });
  const metrics = workload.timelines
    ? await readMany(store, workload.timelines)
    : await readLong(store, workload.count);
  const peak = peakMegabytes();
  await store.close();
  return { "open ms": opened, ...metrics, "reader peak MB": peak };
}

async function readLong(store, count) {
  const last = Math.ceil(count / 10) * 10 - 1;
  const latest = await timed(() => store.latest(last));
  const random = [];
  for (const k of picks(last, 25)) {
    random.push(await timed(async () => expectStep(await store.restore(k), k)));
  }
  const metrics = { "latest ms": latest, "random ms": median(random) };
  if (!store.fork) return metrics;
  const forks = [];
  const tags = [];
  for (const [n, k] of picks(last, 7).entries()) {
    forks.push(await timed(() => store.fork(k, `fork-${n}`)));
    tags.push(await timed(() => store.tag(k, `tag-${n}`)));
  }
  return { ...metrics, "fork ms": median(forks), "tag ms": median(tags) };
}

async function readMany(store, timelines) {
  const latest = [];
  for (const n of picks(timelines, 25)) {
    latest.push(await timed(async () => expectStep(await store.latest(n), ROUNDS - 1)));
  }
  let found = 0;
  const listing = await timed(async () => {
    found = await store.count();
  });
  if (found !== timelines) throw new Error(`${found} timelines are listed, not ${timelines}`);
  return { "latest ms": median(latest), "list ms": listing };
}

function expectStep(state, step) {
  if (state.step === step) return;
  throw new Error(`restored state ${step} is not the state that was saved`);
}

const less = (unit) => ({ unit, better: "less" });

export const bench = {
  name: "scale",
  kind: "states",
  phases: ["grown", "reopened"],
  measure: { grown, reopened },
  metrics: {
    "save us": less("us"),
    "save p99 us": less("us"),
    "cpu us": less("us"),
    "x first tenth": less(""),
    "bytes stored": less("B"),
    "peak MB": less("MB"),
    "open ms": less("ms"),
    "latest ms": less("ms"),
    "random ms": less("ms"),
    "list ms": less("ms"),
    "fork ms": less("ms"),
    "tag ms": less("ms"),
    "reader peak MB": less("MB"),
  },
  workloads: () => [
    ...[1_000, 10_000, 100_000, 1_000_000].map((count) => ({ name: `history of ${count}`, count })),
    ...[100, 10_000].map((timelines) => ({ name: `${timelines} timelines`, timelines })),
  ],
  // Peers keep whole states: a million of them would take hours and tell nothing new.
  enters: ({ name, modes }, { count = Infinity }) =>
    modes.includes("async") && (name === "ours" || count <= 10_000),
};
