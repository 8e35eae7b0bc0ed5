// Rounds in turn: every contestant of a workload runs in a child process of its own, one after the
// other, round after round, so that whatever else the machine does falls on all of them alike.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { removeFolder, scratchFolder } from "./folder.mjs";

const CHILD = fileURLToPath(new URL("child.mjs", import.meta.url));
const CHILD_LIMIT_MS = 15 * 60 * 1000;

/**
 * Runs one workload. Returns `samples[name][metric]`, a list with one number per round, and `out`,
 * which says of every contestant that could not run or restored something wrong, why.
 */
export async function compete(bench, workload, { contestants, rounds, seconds, say }) {
  const byId = Object.fromEntries(contestants.map(({ id }) => [id, {}]));
  const out = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const { id } of inTurn(contestants, round)) {
      if (out[id]) continue;
      say(`${bench.name} ${workload.name}: round ${round + 1} of ${rounds}, ${id}`);
      const job = { bench: bench.name, contestant: id, workload, seconds };
      const { metrics, error } = await runPhases(bench.phases, job);
      if (error) out[id] = error;
      for (const [metric, value] of Object.entries(metrics ?? {})) {
        (byId[id][metric] ??= []).push(value);
      }
    }
  }
  return { samples: byName(contestants, { byId, out }), out };
}

// The start moves on by one each round, so that no contestant always follows the same other one.
function inTurn(contestants, round) {
  const start = round % contestants.length;
  return [...contestants.slice(start), ...contestants.slice(0, start)];
}

// Contestants may share a name (ours, async and durable): a metric both give is the first one's.
function byName(contestants, { byId, out }) {
  const samples = {};
  for (const { id, name } of contestants) {
    if (!out[id]) samples[name] = { ...byId[id], ...samples[name] };
  }
  return samples;
}

async function runPhases(phases, job) {
  const folder = scratchFolder();
  const metrics = {};
  try {
    for (const phase of phases) {
      const result = await runChild({ ...job, phase, folder });
      if (result.error) return result;
      Object.assign(metrics, result.metrics);
    }
    return { metrics };
  } finally {
    removeFolder(folder);
  }
}

function runChild(job) {
  return new Promise((resolve) => {
    const child = fork(CHILD, [JSON.stringify(job)], {
      execArgv: ["--expose-gc"],
      stdio: ["ignore", 2, 2, "ipc"],
      timeout: CHILD_LIMIT_MS,
    });
    let answer;
    child.on("message", (message) => {
      answer = message;
    });
    child.on("error", (error) => resolve({ error: error.message }));
    child.on("exit", (code, signal) => {
      resolve(answer ?? { error: `the process ended (${signal ?? code}) without a result` });
    });
  });
}
