// The long forms of the campaigns that show that nothing is lost and nothing invented: each runs to
// its end, and a table says what was done, with figures and seconds.
//
//   node scripts/long.mjs [campaign ...]
//
// Without words it runs all of them. Each is a test in native/core/tests or in test/ that has a
// short form, too, which runs with all the others; its first lines say what it proves.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CARGO = ["test", "--profile", "ci", "-p", "keepstate-core"];

/** Campaign: a test of the core or of TypeScript, and what its figures begin with. */
const CAMPAIGNS = {
  crash: { core: "log_crash", says: "crash," },
  kill: { core: "log_kill", says: "kills of" },
  "kill timelines": { core: "timeline_kill", says: "kills of" },
  processes: { core: "timeline_processes", says: "processes," },
  faults: { core: "faults", says: "faults in" },
  corruption: { core: "corruption", says: "corruption of" },
  simulation: { core: "simulation", says: "simulation:" },
  fuzz: { core: "fuzz", says: "fuzz:" },
  scale: { core: "timeline_scale", says: "scale:" },
  shadow: { typescript: "encode/shadow", match: "random changes*", says: "captures of" },
  streams: { typescript: "timeline/stream", match: "memory does not*", says: "streams," },
};

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in CAMPAIGNS));
if (unknown) {
  console.error(`There is no campaign ${unknown}; there are ${Object.keys(CAMPAIGNS).join(", ")}.`);
  process.exit(2);
}

const every = Object.entries(CAMPAIGNS);
const wanted = every.filter(([name]) => chosen.length === 0 || chosen.includes(name));
await build(wanted.map(([, campaign]) => campaign));
const rows = [];
for (const [name, campaign] of wanted) {
  console.log(`\n== ${name}`);
  rows.push(await play(name, campaign));
}
print(rows);
process.exit(rows.every((row) => row.passed) ? 0 : 1);

/** Builds all of them first, so that the seconds are those of the campaigns. */
async function build(campaigns) {
  const tests = campaigns.flatMap(({ core }) => (core ? ["--test", core] : []));
  const all = [...CARGO, ...tests, "--no-run"];
  const codes = [tests.length > 0 ? await run("cargo", all, {}) : 0];
  const setup = [join(ROOT, "scripts/setup.mjs")];
  if (campaigns.some(({ typescript }) => typescript)) {
    codes.push(await run(process.execPath, setup, {}));
  }
  if (codes.some((code) => code !== 0)) process.exit(1);
}

async function play(name, { core, typescript, match, says }) {
  const begun = Date.now();
  const figures = [];
  const line = (text) => {
    const at = text.indexOf(says);
    if (at >= 0) figures.push(text.slice(at));
  };
  const ava = [`build/test/${typescript}.test.js`, "--match", match, "--timeout", "1h"];
  const code = core
    ? await run("cargo", [...CARGO, "--test", core, "--", "--nocapture"], { line })
    : await run(join(ROOT, "node_modules/.bin/ava"), ava, { line });
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

/** Runs a program, shows what it says, and hands each line of it to `line`. */
function run(program, words, { line = () => {} }) {
  const env = { ...process.env, KEEPSTATE_LONG: "1" };
  const cwd = program === "cargo" ? join(ROOT, "native") : ROOT;
  const child = spawn(program, words, { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    process.stdout.write(text);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(line);
  });
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}
