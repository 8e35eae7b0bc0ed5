// What the guides show, works: their shell examples run, their TypeScript runs, their TOML is
// valid, and their tables say what the code says.

import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import test, { type ExecutionContext } from "ava";

import { DEFAULTS, KEYS, PRESETS } from "../../src/config/keys.js";
import { loadConfig } from "../../src/config/load.js";
import type { StaysBecause } from "../../src/index.js";
import { SCHEMES } from "../../src/schemes.js";
import { PROGRAM } from "../fixtures/command.js";
import { emptyFolder } from "../fixtures/folder.js";

const cli = await readFile("docs/cli.md", "utf8");
const configuration = await readFile("docs/configuration.md", "utf8");
const timelines = await readFile("docs/timelines.md", "utf8");
const readme = await readFile("README.md", "utf8");

function examples(text: string, language: string): string[] {
  const fence = new RegExp("^```" + language + "\\n(.*?)^```", "gms");
  return [...text.matchAll(fence)].map(([, code = ""]) => code);
}

async function runIn(folder: string, program: string, words: string[]): Promise<string> {
  const path = `${folder}/bin:${process.env["PATH"]}`;
  const child = spawn(program, words, { cwd: folder, env: { ...process.env, PATH: path } });
  let told = "";
  child.stderr.on("data", (part: Buffer) => (told += part.toString()));
  child.stdout.on("data", (part: Buffer) => (told += part.toString()));
  const exit = await new Promise((resolve) => child.on("close", resolve));
  return exit === 0 ? "" : `exit ${exit}: ${told}`;
}

async function folderWithCommand(t: ExecutionContext): Promise<string> {
  const folder = await emptyFolder(t);
  await mkdir(join(folder, "bin"));
  const command = join(folder, "bin", "keepstate");
  await writeFile(command, `#!/bin/sh\nexec '${PROGRAM.join("' '")}' "$@"\n`);
  await chmod(command, 0o755);
  return folder;
}

examples(readme, "js").forEach((code, i) => {
  test(`README.md, JavaScript example ${i + 1}`, async (t) => {
    const folder = await emptyFolder(t);
    const index = pathToFileURL("build/src/index.js").href;
    await writeFile(join(folder, "example.mjs"), code.replace('"keepstate"', JSON.stringify(index)));
    t.is(await runIn(folder, process.execPath, ["example.mjs"]), "");
  });
});

examples(timelines, "ts").forEach((code, i) => {
  test(`docs/timelines.md, example ${i + 1}`, async (t) => {
    const folder = await emptyFolder(t);
    const index = pathToFileURL("build/src/index.js").href;
    await writeFile(join(folder, "example.mjs"), code.replace('"keepstate"', JSON.stringify(index)));
    t.is(await runIn(folder, process.execPath, ["example.mjs"]), "");
  });
});

test("docs/timelines.md names every option and every reason", (t) => {
  const options = ["keepLast", "keepEvery", "olderThan", "keepTagged", "dryRun", "after", "interval"];
  const searches = ["label", "text", "tag", "since", "until", "metadata", "prefix", "agent"];
  for (const did of ["add", "oldest"]) t.regex(timelines, new RegExp(`^\\| \`${did}\``, "m"), did);
  for (const name of [...options, ...searches, "signal", "onProgress"]) t.regex(timelines, new RegExp(`^\\| .*\`${name}\``, "m"), name);
  const reasons: Record<StaysBecause, true> = {
    last: true,
    tag: true,
    young: true,
    every: true,
    fork: true,
    shared: true,
    open: true,
  };
  for (const reason of Object.keys(reasons)) t.true(timelines.includes(`| \`${reason}\` |`), reason);
});

test("README.md, the commands", async (t) => {
  const folder = await folderWithCommand(t);
  await writeFile(join(folder, "state.json"), '{"step":1}');
  const script = examples(readme, "sh").find((code) => code.startsWith("keepstate save")) ?? "false";
  const twice = script.replace("keepstate list", "keepstate save planner/run-42 state.json\nkeepstate list");
  t.is(await runIn(folder, "bash", ["-euo", "pipefail", "-c", twice]), "");
});

examples(cli, "sh").forEach((script, i) => {
  test(`docs/cli.md, shell example ${i + 1}`, async (t) => {
    const folder = await folderWithCommand(t);
    t.is(await runIn(folder, "bash", ["-euo", "pipefail", "-c", script]), "");
  });
});

test("docs/configuration.md: the TypeScript runs", async (t) => {
  const folder = await emptyFolder(t);
  const index = pathToFileURL("build/src/index.js").href;
  const [code = ""] = examples(configuration, "ts");
  await writeFile(join(folder, "example.mjs"), code.replace('"keepstate"', JSON.stringify(index)));
  t.is(await runIn(folder, process.execPath, ["example.mjs"]), "");
});

test("docs/configuration.md: the file is valid", async (t) => {
  const file = join(await emptyFolder(t), "keepstate.toml");
  await writeFile(file, examples(configuration, "toml")[0] ?? "");
  const config = await loadConfig({}, { file });
  t.deepEqual(config.mistakes, []);
  t.is(config.effective.get("durability")?.value, "async");
});

test("docs/configuration.md: the tables say what the code says", (t) => {
  for (const key of Object.keys(KEYS)) {
    const row = configuration.split("\n").find((line) => line.startsWith(`| \`${key}\` |`));
    const [, , , given = ""] = (row ?? "").split("|").map((cell) => cell.trim().replaceAll("`", ""));
    t.is(given, String(DEFAULTS[key] ?? ""), key);
  }
  for (const { parameters } of Object.values(SCHEMES)) {
    const names = Object.keys(parameters).map((name) => `\`${name}\``);
    t.true(configuration.includes(`| ${names.join(" ")}${names.length ? " " : ""}|`), names.join());
  }
  for (const [name, { durability, integrity, level }] of Object.entries(PRESETS)) {
    const shown = level === undefined ? "|" : `${level} |`;
    t.true(configuration.includes(`| \`${name}\` | \`${durability}\` | \`${integrity}\` | ${shown}`));
  }
});

test("docs/cli.md names every command", async (t) => {
  const { COMMANDS } = await import("../../src/cli/commands.js");
  for (const { name } of COMMANDS) t.regex(cli, new RegExp(`^\\| .*\`${name}[ \`]`, "m"));
});
