// The examples of ffi/koffi run in Node, and print what they should: the C interface serves
// JavaScript too, with a store in JavaScript as well.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import test from "ava";

const run = promisify(execFile);
const root = resolve(process.cwd());
const target = process.env["CARGO_TARGET_DIR"] ?? join(root, "native", "target");
const library = join(target, "ci", "libkeepstate.so");

test.before(async (t) => {
  t.timeout(600_000);
  const manifest = join(root, "native", "Cargo.toml");
  const words = ["build", "-q", "--locked", "--profile", "ci", "-p", "keepstate-capi"];
  await run("cargo", [...words, "--manifest-path", manifest]);
});

async function example(name: string, ...words: string[]): Promise<string[]> {
  const env = { ...process.env, KEEPSTATE_LIBRARY: library };
  const script = join(root, "ffi/koffi", name);
  const { stdout } = await run(process.execPath, [script, ...words], { env });
  return stdout.trimEnd().split("\n");
}

const SAVED = [
  "saved planner/run-42@1",
  "saved planner/run-42@2",
  "saved planner/run-42@3",
  "restored step 2",
  "@1 step 1 (small)",
  "@2 step 2 (small)",
  "@3 step 3 (small)",
  "NOT_FOUND planner/run-42@9 does not exist; list shows what does.",
];

test("a timeline is saved, restored and listed in memory", async (t) => {
  t.deepEqual(await example("timeline.mjs"), SAVED);
});

test("the same in a folder", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "keepstate-koffi-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  t.deepEqual(await example("timeline.mjs", `file:${folder}`), SAVED);
});

test("a store in JavaScript holds a timeline", async (t) => {
  t.deepEqual(await example("store.mjs"), [
    "saved js/run@1",
    "saved js/run@2",
    "restored three",
    "restored one of 3 values",
    "dropped",
  ]);
});
