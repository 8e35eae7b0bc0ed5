// `scripts/setup.mjs` says in one sentence what a machine lacks, before it changes anything.

import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

import { inFolder } from "./_testing.js";

function setup(path: string, ...flags: string[]): { status: number | null; stderr: string } {
  const env = { ...process.env, PATH: path, CC: "" };
  return spawnSync(process.execPath, ["scripts/setup.mjs", ...flags], { env, encoding: "utf8" });
}

function program(folder: string, name: string, prints: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${prints}"\n`);
  chmodSync(join(folder, name), 0o755);
}

test("no Rust, too old a Rust, no C compiler: one sentence each", async (t) => {
  await inFolder((folder) => {
    const says = (words: RegExp): void => {
      const { status, stderr } = setup(folder);
      t.is(status, 1);
      t.regex(stderr, words);
      t.is(stderr.trim().split("\n").length, 1, stderr);
    };
    says(/built with Rust: install it from https:\/\/rustup\.rs/);
    program(folder, "cargo", "cargo 1.70.0 (ec8a8a0ca 2023-04-25)");
    says(/needs Rust 1\.85 or newer and this is 1\.70\.0: run rustup update/);
    program(folder, "cargo", "cargo 1.95.0");
    says(/needs a C compiler: install one/);
  });
});

test("an unknown option is refused", (t) => {
  const { status, stderr } = setup(process.env["PATH"] ?? "", "--fast");
  t.is(status, 1);
  t.regex(stderr, /Unknown option --fast; there are --release, --typescript, --quiet/);
});
