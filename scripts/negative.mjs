// Negative controls: each rule that keeps the store from lying is switched off, one at a time, and
// the test named here must turn red. A rule whose test stays green is held by nothing.
//
//   node scripts/negative.mjs [rule ...]
//
// The core's rules are switches compiled for tests only (native/core/src/testing/sabotage.rs), the
// shadow's are taken out of the built TypeScript as it is loaded: minutes, and no rebuild.

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { CORE_RULES, SHADOW_RULES } from "./negative/rules.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NATIVE = join(ROOT, "native");
/** A test that hangs without its rule is red, too. */
const PATIENCE_MS = 60_000;
/** Races between processes do not show every time. */
const TRIES = 5;

const chosen = process.argv.slice(2);
const all = { ...CORE_RULES, ...SHADOW_RULES };
const setup = [join(ROOT, "scripts/setup.mjs"), "--typescript"];
if (spawnSync(process.execPath, setup, { stdio: "inherit" }).status !== 0) process.exit(1);
checkNames();
const programs = await build();
const rows = [];
const sound = new Map();
for (const rule of Object.keys(all)) {
  if (chosen.length > 0 && !chosen.includes(rule)) continue;
  rows.push(await control(rule));
}
print(rows);
process.exit(rows.every((row) => row.result === "red") ? 0 : 1);

/** Every switch has a control, and every control a switch. */
function checkNames() {
  const source = readFileSync(join(NATIVE, "core/src/testing/sabotage.rs"), "utf8");
  const switches = [...source.matchAll(/^ {4}(\w+): "/gm)].map((match) => match[1]);
  const loose = switches.filter((name) => !(name in CORE_RULES));
  const known = new Set([...switches, ...Object.keys(SHADOW_RULES)]);
  const unknown = [...Object.keys(all), ...chosen].filter((name) => !known.has(name));
  const pieces = Object.keys(SHADOW_RULES).filter((rule) => !isWhole(SHADOW_RULES[rule]));
  if (loose.length + unknown.length + pieces.length === 0) return;
  console.error(`Without a control: ${loose.join(", ")}. Without a switch: ${unknown.join(", ")}.`);
  console.error(`Not found exactly once, or built by another source: ${pieces.join(", ")}.`);
  process.exit(2);
}

/** Whether what a rule of the shadow takes out is there to be taken out. */
function isWhole([file, pieces]) {
  const source = readFileSync(join(ROOT, "build/src", `${file}.js`), "utf8");
  return [pieces].flat().every((piece) => source.split(piece).length === 2);
}

/** Builds the tests; the path of each program. */
async function build() {
  const names = [...new Set(Object.values(CORE_RULES).map(([program]) => program))];
  const tests = names.flatMap((name) => ["--test", name]);
  const words = ["test", "--profile", "ci", "-p", "keepstate-core", ...tests, "--no-run"];
  const { code, text } = await run("cargo", [...words, "--message-format=json"], {});
  if (code !== 0) process.exit(code);
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  const isTest = ({ executable, target }) => executable && target.kind[0] === "test";
  const built = lines.map((line) => JSON.parse(line)).filter(isTest);
  return new Map(built.map(({ target, executable }) => [target.name, executable]));
}

async function control(rule) {
  const { what, test, tries } = rule in CORE_RULES ? ofCore(rule) : ofShadow(rule);
  const begun = Date.now();
  if (!sound.has(what)) sound.set(what, (await test(false)) === 0);
  let code = 0;
  for (let n = 0; code === 0 && n < tries; n += 1) code = await test(true);
  let result = code === 0 ? "STILL GREEN" : "red";
  if (!sound.get(what)) result = "RED WITH THE RULE";
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  console.log(`${rule}: ${result}`);
  return { rule, what, result, seconds };
}

function ofCore(rule) {
  const [program, filter, told = {}] = CORE_RULES[rule];
  const words = filter ? [filter] : [];
  const test = async (without) => {
    const off = without ? { KEEPSTATE_SABOTAGE: rule } : {};
    const env = { ...told, ...off, RUST_BACKTRACE: "0" };
    return (await run(programs.get(program), words, { env, cwd: join(NATIVE, "core") })).code;
  };
  const tries = /process/.test(program) ? TRIES : 1;
  return { what: [program, ...words].join(" "), test, tries };
}

function ofShadow(rule) {
  const [file, match] = SHADOW_RULES[rule].at(-1);
  const words = [`build/test/${file}.test.js`, "--match", match];
  const test = async (without) => {
    const hook = `--import=${new URL("negative/without.mjs", import.meta.url)}`;
    const env = without ? { KEEPSTATE_WITHOUT: rule, NODE_OPTIONS: hook } : {};
    return (await run(join(ROOT, "node_modules/.bin/ava"), words, { env, cwd: ROOT })).code;
  };
  return { what: `${file} ${match}`, test, tries: 1 };
}

function print(rows) {
  console.log(`\n${"rule".padEnd(42)} ${"test".padEnd(56)} ${"seconds".padStart(7)}  result`);
  for (const { rule, what, result, seconds } of rows) {
    console.log(`${rule.padEnd(42)} ${what.padEnd(56)} ${seconds.padStart(7)}  ${result}`);
  }
  const red = rows.filter((row) => row.result === "red").length;
  console.log(`\n${red} of ${rows.length} rules are held by a test`);
  // As the other runners say it, so that the figures of all can be added up.
  console.log(`${red} passed, ${rows.length - red} failed`);
}

/** Runs a program without its noise; a program that does not end is ended. */
function run(program, words, { env = {}, cwd = NATIVE }) {
  const options = { cwd, stdio: ["ignore", "pipe", "ignore"] };
  const child = spawn(program, words, { ...options, env: { ...process.env, ...env } });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => (text += part));
  const isTest = program !== "cargo";
  const timer = isTest ? setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS) : undefined;
  return new Promise((resolve) => {
    child.on("error", () => resolve({ code: 1, text }));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, text });
    });
  });
}
