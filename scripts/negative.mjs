// Negative controls: each rule that keeps the store from lying is switched off, one at a time, and
// the test named here must turn red. A rule whose test stays green is held by nothing.
//
//   node scripts/negative.mjs [rule ...]
//
// The switches are compiled for tests only (native/core/src/testing/sabotage.rs), so this takes
// minutes and no rebuild.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NATIVE = join(ROOT, "native");
/** A test that hangs without its rule is red, too. */
const PATIENCE_MS = 60_000;
/** Races between processes do not show every time. */
const TRIES = 5;

/** Rule: the test program, which of its tests, and what it is told. */
const CONTROLS = {
  SyncCommit: ["log_crash", "sync_mode"],
  SyncFlush: ["log_crash", "async_mode"],
  SyncFolder: ["log_crash", "sync_mode"],
  SyncSmallFile: ["log_crash", "sync_mode"],
  SyncNewSegment: ["log_crash", "async_mode"],
  SyncCompacted: ["log_crash", "sync_mode"],
  FlushBeforeCompact: ["log_crash", "async_mode"],
  CatalogBeforeRemove: ["log_crash", "sync_mode"],
  FrameCheck: ["log_damage", "with_the_page"],
  ValueCheck: ["corruption", "values_are_checked"],
  SmallFileCheck: ["corruption", "no_byte_of_a_small_file"],
  SegmentHeaderCheck: ["corruption", "no_byte_of_a_small_file"],
  CheckpointCheck: ["log_damage", "from_a_checkpoint"],
  AppendLock: ["log_processes", "all_of_them_write"],
  Conditions: ["conformance_log", ""],
  TakeBack: ["log_faults", "a_write_that_failed_is_undone"],
  EndAfterFailedSync: ["log_faults", "a_failed_sync_in_sync_mode"],
  Reserve: ["log_faults", "a_full_disk"],
  DirSyncFile: ["dir_order", ""],
  DirSyncFolder: ["dir_order", ""],
  DirLock: ["dir_two_processes", ""],
  DirCondition: ["dir_two_processes", ""],
  DirTimesRise: ["dir_options", "the_time_of_a_key"],
  DirTimesOfDeleted: ["dir_options", "the_time_of_a_key"],
  ShardsCheck: ["dir_options", "shards_are_remembered"],
  FileHash: ["file_formats", ""],
  TimelineSum: ["timeline_damage", "damage_is_named"],
  TimelineCreate: ["simulation", "", { KEEPSTATE_CAST: "saves", KEEPSTATE_SEEDS: "300" }],
  TimelineReadBack: ["timeline_writers", "a_lost_answer_is_read_back"],
  TimelineControl: ["timeline_writers", "a_stalled_writer_creates_nothing"],
  SealProof: ["seal", ""],
};

const chosen = process.argv.slice(2);
checkNames();
const programs = await build();
const rows = [];
const sound = new Map();
for (const rule of Object.keys(CONTROLS)) {
  if (chosen.length > 0 && !chosen.includes(rule)) continue;
  rows.push(await control(rule));
}
print(rows);
process.exit(rows.every((row) => row.result === "red") ? 0 : 1);

/** Every switch has a control, and every control a switch. */
function checkNames() {
  const source = readFileSync(join(NATIVE, "core/src/testing/sabotage.rs"), "utf8");
  const switches = [...source.matchAll(/^ {4}(\w+): "/gm)].map((match) => match[1]);
  const loose = switches.filter((name) => !(name in CONTROLS));
  const unknown = [...Object.keys(CONTROLS), ...chosen].filter((name) => !switches.includes(name));
  if (loose.length === 0 && unknown.length === 0) return;
  console.error(`Without a control: ${loose.join(", ")}. Without a switch: ${unknown.join(", ")}.`);
  process.exit(2);
}

/** Builds the tests; the path of each program. */
async function build() {
  const names = [...new Set(Object.values(CONTROLS).map(([program]) => program))];
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
  const [program, filter, told = {}] = CONTROLS[rule];
  const begun = Date.now();
  const what = filter ? `${program} ${filter}` : program;
  if (!sound.has(what)) sound.set(what, (await test(program, filter, told)) === 0);
  let code = 0;
  const tries = /process/.test(program) ? TRIES : 1;
  for (let n = 0; code === 0 && n < tries; n += 1) {
    code = await test(program, filter, { ...told, KEEPSTATE_SABOTAGE: rule });
  }
  let result = code === 0 ? "STILL GREEN" : "red";
  if (!sound.get(what)) result = "RED WITH THE RULE";
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  console.log(`${rule}: ${result}`);
  return { rule, what, result, seconds };
}

async function test(program, filter, env) {
  const words = filter ? [filter] : [];
  const { code } = await run(programs.get(program), words, { ...env, RUST_BACKTRACE: "0" });
  return code;
}

function print(rows) {
  console.log(`\n${"rule".padEnd(22)} ${"test".padEnd(48)} ${"seconds".padStart(7)}  result`);
  for (const { rule, what, result, seconds } of rows) {
    console.log(`${rule.padEnd(22)} ${what.padEnd(48)} ${seconds.padStart(7)}  ${result}`);
  }
  const red = rows.filter((row) => row.result === "red").length;
  console.log(`\n${red} of ${rows.length} rules are held by a test`);
  // As the other runners say it, so that the figures of all can be added up.
  console.log(`${red} passed, ${rows.length - red} failed`);
}

/** Runs a program without its noise; a program that does not end is ended. */
function run(program, words, env) {
  const options = { cwd: join(NATIVE, "core"), stdio: ["ignore", "pipe", "ignore"] };
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
