// All tests of the project, with one line at the end that counts them.
//
//   node scripts/test.mjs [rust] [typescript] [c] [lint] [negative]
//
// Without words it runs everything. Each part ends with figures of its own, which are added up
// here; a part that fails without any counts as one failure. What failed is named once more at the
// end; what passed is listed on a terminal only, so that a log shows what matters.

import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NATIVE = join(ROOT, "native");
const bin = (name) => join(ROOT, "node_modules", ".bin", name);

const PARTS = {
  lint: [
    ["cargo", ["fmt", "--check"], NATIVE],
    ["cargo", ["clippy", "-q", "--all-targets", "--", "-D", "warnings"], NATIVE],
  ],
  rust: [["cargo", ["test", "-q", "--no-fail-fast"], NATIVE]],
  typescript: [[bin("ava"), [], ROOT]],
  c: [["sh", [join(ROOT, "ffi/c/run.sh")], ROOT]],
  negative: [[process.execPath, [join(ROOT, "scripts/negative.mjs")], ROOT]],
};

/** How the runners say what passed and what failed. */
const FIGURES = [
  /^test result: \S+ (?<passed>\d+) passed; (?<failed>\d+) failed/,
  /^\s*(?<passed>\d+) tests? passed/,
  /^\s*(?<failed>\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?)/,
  /^(?<passed>\d+) passed, (?<failed>\d+) failed/,
];

/** How they name what failed, and how ava names what passed. */
const FAILURES = [/^\s*\u2718 \[fail\]: (?<name>.+)/, /^---- (?<name>\S+) stdout ----/];
const PASSED = /^\s*\u2714 /;

/** A command that is not done by then hangs: it is ended, and counts as failed. */
const PATIENCE_MINUTES = 40;

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in PARTS));
if (unknown) {
  console.error(`There is no part ${unknown}; there are ${Object.keys(PARTS).join(", ")}.`);
  process.exit(2);
}

const setup = spawnSync(process.execPath, [join(ROOT, "scripts/setup.mjs")], { stdio: "inherit" });
if (setup.status !== 0) process.exit(setup.status ?? 1);

const total = { passed: 0, failed: 0 };
const failures = new Set();
for (const [name, commands] of Object.entries(PARTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const command of commands) await part(name, command);
}
if (failures.size > 0) console.log(`\nFailed:\n  ${[...failures].join("\n  ")}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

async function part(name, [program, words, cwd]) {
  const begun = Date.now();
  console.log(`\n== ${name}: ${program.split("/").at(-1)} ${words.join(" ").replaceAll(ROOT, "")}`);
  const counted = { passed: 0, failed: 0 };
  const named = failures.size;
  const line = (text) => {
    count(text, counted);
    const failure = FAILURES.map((pattern) => pattern.exec(text)?.groups).find(Boolean);
    if (failure) failures.add(`${name}: ${failure.name}`);
  };
  const ended = await run(program, words, { cwd, line });
  if (ended && counted.failed === 0) counted.failed = 1;
  // Of what was ended nobody knows what else would have failed.
  if (ended && (failures.size === named || !ended.startsWith("exit code"))) {
    failures.add(`${name}: ${program.split("/").at(-1)} ${words[0] ?? ""}: ${ended}`);
  }
  if (!ended && name === "lint") counted.passed = 1;
  total.passed += counted.passed;
  total.failed += counted.failed;
  const seconds = ((Date.now() - begun) / 1000).toFixed(0);
  console.log(`== ${name}: ${counted.passed} passed, ${counted.failed} failed (${seconds} s)`);
}

function count(text, counted) {
  for (const pattern of FIGURES) {
    const figures = pattern.exec(text)?.groups;
    if (!figures) continue;
    counted.passed += Number(figures.passed ?? 0);
    counted.failed += Number(figures.failed ?? 0);
    return;
  }
}

/**
 * Runs a program, shows what it prints, and hands each line of its output to `line`. Gives how it
 * ended, if not well.
 */
function run(program, words, { cwd, line }) {
  const stdio = ["ignore", "pipe", "inherit"];
  const child = spawn(program, words, { cwd, stdio, detached: true });
  const end = () => child.pid && process.kill(-child.pid, "SIGKILL");
  const patience = setTimeout(() => {
    console.error(`${program} ${words.join(" ")} hangs since ${PATIENCE_MINUTES} minutes; ended.`);
    end();
  }, PATIENCE_MINUTES * 60_000);
  const interrupted = () => {
    end();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupted);
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const each of lines) {
      const plain = each.replace(/\x1b\[[0-9;]*m/g, "");
      if (process.stdout.isTTY || !PASSED.test(plain)) process.stdout.write(`${each}\n`);
      line(plain);
    }
  });
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve("it could not be started");
    });
    child.on("close", (code, signal) => {
      clearTimeout(patience);
      for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupted);
      process.stdout.write(rest);
      line(rest);
      resolve(code === 0 ? undefined : signal ? `ended by ${signal}` : `exit code ${code}`);
    });
  });
}
