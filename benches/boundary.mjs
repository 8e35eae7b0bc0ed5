// Bench `boundary`: what one crossing between JavaScript and the addon costs, beside those that
// Node and the peers make for the like. The floor, not the work: inputs are as small as useful.
import { peakMegabytes } from "./harness/memory.mjs";
import { rate } from "./harness/window.mjs";

const CALLS = [
  "smallest call sync",
  "16 B in sync",
  "1 MB in and out sync",
  "get 100 B sync",
  "get 100 B",
  "100 gets of 100 B",
  "smallest promise",
  "100 promises",
];

async function measured({ contestant, workload, folder, seconds }) {
  const calls = await contestant.open(folder);
  const once = 1 / (await rate(calls[workload.name], seconds));
  await calls.close?.();
  return { us: once * 1e6, "peak MB": peakMegabytes() };
}

export const bench = {
  name: "boundary",
  kind: "calls",
  phases: ["measured"],
  measure: { measured },
  metrics: {
    us: { unit: "us", better: "less" },
    "peak MB": { unit: "MB", better: "less" },
  },
  workloads: () => CALLS.map((name) => ({ name })),
  enters: ({ offers }, { name }) => offers.includes(name),
};
