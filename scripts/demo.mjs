// The main job, shown: an agent saves every step, is killed, resumes, and we look at what a step
// changed and what it all cost.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STEPS = 200;
const KILLED_AT = 120;

const setup = spawnSync(process.execPath, [join(ROOT, "scripts/setup.mjs")], { stdio: "inherit" });
if (setup.status !== 0) process.exit(setup.status ?? 1);

const folder = mkdtempSync(join(tmpdir(), "keepstate-demo-"));
try {
  await show();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function show() {
  say(`An agent works through ${STEPS} steps and saves its whole state after each one.`);
  const before = await agent((line) => line === `saved step ${KILLED_AT}`);
  say(`Killed with SIGKILL. Its last words: "${before.at(-1)}".`);

  const after = await agent(() => false);
  say(`Started again, it says: "${after[0]}", and goes on to "${after.at(-1)}".`);

  const { open } = await import("keepstate");
  const ks = await open(folder);
  const run = ks.timeline("planner/run-42");
  await difference(run);
  const { snapshots, damage } = await run.verify();
  say(`Verified: ${snapshots} snapshots, ${damage.length} of them damaged.`);
  const plain = await plainSize(run);
  await ks.close();
  cost(plain);
}

/** Runs the agent and gives its lines; kills it, as a crash would, at the line of `isLast`. */
function agent(isLast) {
  const words = [join(ROOT, "examples/agent.mjs"), folder, String(STEPS)];
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  const lines = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(line);
      if (isLast(line)) child.kill("SIGKILL");
    }
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0 || signal === "SIGKILL") resolve(lines);
      else reject(new Error(`The agent ended with ${code ?? signal}.`));
    });
  });
}

async function difference(run) {
  say(`What step ${STEPS} changed:`);
  for (const { op, path, value } of await run.diff(`@${STEPS - 1}`, `@${STEPS}`)) {
    console.log(`    ${op} ${path} ${shorten(JSON.stringify(value) ?? "")}`);
  }
}

/** What one JSON file for each step would take. Restores every one of them on the way. */
async function plainSize(run) {
  let bytes = 0;
  for (let step = 1; step <= STEPS; step += 1) {
    bytes += Buffer.byteLength(JSON.stringify(await run.restore(`@${step}`)));
  }
  return bytes;
}

function cost(plain) {
  const kept = sizeOf(folder);
  say(`All ${STEPS} states are there, and each can be restored. They take ${mega(kept)}.`);
  const times = Math.round(plain / kept);
  console.log(`    A plain JSON file for each would take ${mega(plain)}: ${times} times as much.`);
}

function sizeOf(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function mega(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function shorten(text) {
  return text.length > 72 ? `${text.slice(0, 69)}...` : text;
}

function say(text) {
  console.log(`\n- ${text}`);
}
