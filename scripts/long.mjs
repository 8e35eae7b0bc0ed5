// The long forms of the campaigns that show that nothing is lost and nothing invented: each runs to
// its end, and a table says what was done, with figures and seconds.
//
//   node scripts/long.mjs [campaign ...]
//
// Without words it runs all of them. Each is a test in native/core/tests that has a short form,
// too, which runs with all the others; its first lines say what it proves.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Campaign: the test that it is, and what its figures begin with. */
const CAMPAIGNS = {
  crash: ["log_crash", "crash,"],
  kill: ["log_kill", "kills of"],
  "kill timelines": ["timeline_kill", "kills of"],
  processes: ["timeline_processes", "processes,"],
  faults: ["faults", "faults in"],
  corruption: ["corruption", "corruption of"],
  simulation: ["simulation", "simulation:"],
  fuzz: ["fuzz", "fuzz:"],
};

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in CAMPAIGNS));
if (unknown) {
  console.error(`There is no campaign ${unknown}; there are ${Object.keys(CAMPAIGNS).join(", ")}.`);
  process.exit(2);
}

await build();
const rows = [];
for (const [name, [test, figures]] of Object.entries(CAMPAIGNS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(`\n== ${name}`);
  rows.push(await campaign(name, test, figures));
}
print(rows);
process.exit(rows.every((row) => row.passed) ? 0 : 1);

/** Builds all of them first, so that the seconds are those of the campaigns. */
async function build() {
  const tests = Object.values(CAMPAIGNS).flatMap(([test]) => ["--test", test]);
  const { code } = await cargo([...tests, "--no-run"], () => {});
  if (code !== 0) process.exit(code);
}

async function campaign(name, test, begins) {
  const begun = Date.now();
  const figures = [];
  const { code } = await cargo(["--test", test, "--", "--nocapture"], (line) => {
    const at = line.indexOf(begins);
    if (at >= 0) figures.push(line.slice(at));
  });
  // A campaign that says nothing has done nothing.
  const passed = code === 0 && figures.length > 0;
  return { name, passed, figures, seconds: Math.round((Date.now() - begun) / 1000) };
}

function print(rows) {
  console.log("\ncampaign         result  seconds  figures");
  for (const { name, passed, figures, seconds } of rows) {
    const result = passed ? "passed" : "FAILED";
    const first = `${name.padEnd(16)} ${result} ${String(seconds).padStart(8)}`;
    console.log(`${first}  ${figures.join(`\n${" ".repeat(34)}`)}`);
  }
}

/** Runs cargo, shows what it says, and hands each line of it to `line`. */
function cargo(words, line) {
  const args = ["test", "--profile", "ci", "-p", "keepstate-core", ...words];
  const env = { ...process.env, KEEPSTATE_LONG: "1" };
  const stdio = ["ignore", "pipe", "inherit"];
  const child = spawn("cargo", args, { cwd: join(ROOT, "native"), env, stdio });
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    process.stdout.write(text);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(line);
  });
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`cargo could not be started: ${error.message}`);
      resolve({ code: 1 });
    });
    child.on("close", (code) => resolve({ code: code ?? 1 }));
  });
}
