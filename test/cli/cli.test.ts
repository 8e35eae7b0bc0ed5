// The command line, as a process: answers on stdout and nothing else there, exit codes by kind of
// error, states from files and pipes.

import { spawn } from "node:child_process";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import test, { type ExecutionContext } from "ava";

import { COMMANDS } from "../../src/cli/commands.js";
import { EXIT_CODES } from "../../src/cli/exit.js";
import { CODES } from "../../src/errors.js";
import { keepstateIn, PROGRAM } from "../fixtures/command.js";

test("save, list, show, diff, restore, verify, stats, delete", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  await writeFile(join(folder, "state.json"), '{"step":1,"list":[1,2]}');
  const ok = async (words: string[], stdin?: string): Promise<string> => {
    const { exit, stdout, stderr } = await keepstate(words, stdin === undefined ? {} : { stdin });
    t.is(exit, 0, stderr);
    return stdout;
  };
  t.is(await ok(["save", "planner/run-42", "state.json", "--label", "first"]), "planner/run-42@1\n");
  t.is(await ok(["save", "planner/run-42"], '{"step":2,"list":[1,2,3]}'), "planner/run-42@2\n");
  t.is(await ok(["list"]), "planner/run-42\n");
  const rows = (await ok(["list", "planner/run-42"])).trimEnd().split("\n");
  t.deepEqual(rows.map((row) => row.split("\t")[0]), ["planner/run-42@1", "planner/run-42@2"]);
  t.is(rows[0]?.split("\t")[4], "first");
  t.regex(await ok(["show", "planner/run-42@1"]), /^ref +planner\/run-42@1$/m);
  t.is(await ok(["diff", "planner/run-42@1", "@2"]), "~ /step: 1 -> 2\n+ /list/2: 3\n");
  t.is(await ok(["restore", "planner/run-42@1"]), '{"step":1,"list":[1,2]}\n');
  await ok(["restore", "planner/run-42", "--output", "out.json"]);
  t.deepEqual(JSON.parse(await readFile(join(folder, "out.json"), "utf8")), { step: 2, list: [1, 2, 3] });
  t.is(await ok(["verify"]), "");
  t.regex(await ok(["stats"]), /^kind +log$/m);
  t.is(await ok(["delete", "planner/run-42", "--force"]), "planner/run-42: 2 snapshots deleted\n");
  t.is(await ok(["list"]), "");
});

test("--json is one JSON text on stdout", async (t) => {
  const { keepstate } = await keepstateIn(t);
  const json = async (words: string[], stdin = ""): Promise<unknown> => {
    const { stdout, stderr, exit } = await keepstate([...words, "--json"], { stdin });
    t.is(exit, 0, stderr);
    return JSON.parse(stdout);
  };
  t.like(await json(["save", "a/b", "--meta", "x=1"], '{"n":1}'), { ref: "a/b@1", metadata: { x: "1" } });
  await json(["save", "a/b"], '{"n":2}');
  t.like(await json(["list"]), [{ ref: "a/b", agent: "a", session: "b" }]);
  t.like(await json(["list", "a/b"]), [{ sequence: 1 }, { sequence: 2 }]);
  t.like(await json(["show", "a/b"]), { sequence: 2 });
  t.deepEqual(await json(["diff", "a/b@1"]), [{ op: "replace", path: "/n", value: 2 }]);
  t.like(await json(["restore", "a/b@1"]), { ref: "a/b@1", metadata: { x: "1" }, state: { n: 1 } });
  t.like(await json(["verify"]), { timelines: 1, snapshots: 2, damage: [] });
  t.like(await json(["stats"]), { kind: "log" });
  t.like(await json(["config", "show"]), { store: "./.keepstate" });
  t.like(await json(["config", "show", "--explain"]), { level: { origin: "default" } });
  t.deepEqual(await json(["config", "validate"]), []);
  t.true(((await json(["doctor"])) as { ok: boolean }[]).every(({ ok }) => ok));
  t.deepEqual(await json(["delete", "a/b", "-f"]), {
    ref: "a/b",
    snapshots: 2,
    freedBytes: 0,
    forks: [],
  });
});

test("rich types and big numbers pass through", async (t) => {
  const { keepstate } = await keepstateIn(t);
  const stdin = '{"big":12345678901234567890,"at":{"$date":"2020-01-01T00:00:00.000Z"}}';
  await keepstate(["save", "a/b"], { stdin });
  const { stdout } = await keepstate(["restore", "a/b"]);
  t.deepEqual(JSON.parse(stdout), {
    big: { $bigint: "12345678901234567890" },
    at: { $date: "2020-01-01T00:00:00.000Z" },
  });
});

for (const [what, length] of [
  ["few", 100_000],
  ["many, in pieces", 3_000_000],
] as const)
  test(`bytes pass through with --raw, exactly: ${what}`, (t) => passThrough(t, length));

async function passThrough(t: ExecutionContext, length: number): Promise<void> {
  const { folder, keepstate } = await keepstateIn(t);
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) & 255);
  await writeFile(join(folder, "in.bin"), bytes);
  t.is((await keepstate(["save", "a/b", "in.bin", "--raw"])).exit, 0);
  t.is((await keepstate(["restore", "a/b", "--raw", "-o", "out.bin"])).exit, 0);
  t.deepEqual(new Uint8Array(await readFile(join(folder, "out.bin"))), bytes);
  const { exit, stderr } = await keepstate(["restore", "a/b"]);
  t.is(exit, 6);
  t.regex(stderr, /--raw/);
}

const wrong: [words: string[], exit: number, says: RegExp][] = [
  [["sav"], 2, /no command sav. Did you mean save\?/],
  [["list", "--limt", "3"], 2, /no option --limt. Did you mean --limit\?/],
  [["list", "--limit"], 2, /--limit needs NUMBER/],
  [["export", "a/b", "--out", "x"], 2, /no option --out. Did you mean --output\?/],
  [["list", "a/b", "--limit", "x"], 2, /whole number/],
  [["list", "--json=1"], 2, /takes no value/],
  [["save"], 2, /needs <timeline>/],
  [["restore", "a/b", "c"], 2, /does not take c/],
  [["restore", "nonsense"], 2, /INVALID_REF.*agent\/session/],
  [["save", "a/b@3"], 2, /it names a snapshot/],
  [["save", "a/b", "--meta", "x"], 2, /NAME=VALUE/],
  [["save", "a/b", "none.json"], 3, /no file none.json/],
  [["list", "--durability", "maybe"], 2, /sync or async/],
  [["list", "--store", "s3://x"], 2, /INVALID_CONFIG/],
  [["list", "--config", "none.toml"], 3, /no configuration file/],
  [["list"], 3, /NOT_FOUND/],
  [["delete", "a/b", "--store", "memory:"], 2, /--force/],
  [["restore", "a/b", "--store", "memory:"], 3, /NOT_FOUND/],
  [["config", "shwo"], 2, /Did you mean show/],
  [["completion", "bsh"], 2, /Did you mean bash/],
  [[], 2, /Usage/],
];

for (const [words, exit, says] of wrong) {
  test(`exit ${exit}: keepstate ${words.join(" ")}`, async (t) => {
    const { folder, keepstate } = await keepstateIn(t);
    const ended = await keepstate(words);
    t.is(ended.exit, exit, ended.stderr);
    t.is(ended.stdout, "", "what is wrong is not an answer");
    t.regex(ended.stderr, says);
    t.deepEqual(await readdir(folder), [], "nothing is left behind");
  });
}

test("a state that is no JSON is refused, and says where", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  const { exit, stderr, stdout } = await keepstate(["save", "a/b", "--json"], { stdin: '{"a":}' });
  t.is(exit, 6);
  t.is(stdout, "");
  t.like(JSON.parse(stderr), { error: { code: "NOT_JSON" } });
  t.deepEqual(await readdir(folder), []);
  t.is((await keepstate(["save", "a/b"], { stdin: new Uint8Array([0xff]) })).exit, 2);
});

test("every command has help with examples, on stdout", async (t) => {
  const { keepstate } = await keepstateIn(t);
  const all = await keepstate(["--help"]);
  t.is(all.exit, 0);
  for (const { name, summary, examples } of COMMANDS) {
    t.true(all.stdout.includes(name));
    t.true(examples.every((example) => example.includes("keepstate")));
    const { exit, stdout, stderr } = await keepstate([name, "--help"]);
    t.deepEqual([exit, stderr], [0, ""]);
    t.true(stdout.startsWith(summary));
    t.regex(stdout, /Usage: keepstate .*\n[^]*Examples:\n {2}\S/);
  }
});

test("doctor proves a store and leaves nothing behind", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  for (const store of ["./new/store", "dir:./files", "memory:"]) {
    const { exit, stdout } = await keepstate(["doctor", "--store", store]);
    t.is(exit, 0, stdout);
    t.regex(stdout, /put, got, listed and deleted/);
    t.deepEqual(await readdir(folder), []);
  }
  await keepstate(["save", "a/b", "--store", "dir:./files"], { stdin: "1" });
  t.is((await keepstate(["doctor", "--store", "dir:./files"])).exit, 0);
  t.is((await keepstate(["list", "--store", "dir:./files"])).stdout, "a/b\n");
  const broken = await keepstate(["doctor"], { environment: { KEEPSTATE_NATIVE_PATH: "./none.node" } });
  t.is(broken.exit, 9);
  t.regex(broken.stdout, /WRONG addon +NATIVE_LOAD/);
});

test("the store is the option, else the variable, else the file, else ./.keepstate", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  const storeOf = async (words: string[], environment = {}): Promise<unknown> => {
    const { stdout } = await keepstate(["config", "show", "--json", ...words], { environment });
    return (JSON.parse(stdout) as { store: string }).store;
  };
  t.is(await storeOf([]), "./.keepstate");
  await writeFile(join(folder, "keepstate.toml"), 'store = "memory:"\n[profiles.p]\nstore = "./p"\n');
  t.is(await storeOf([]), "memory:");
  t.is(await storeOf(["--profile", "p"]), join(folder, "p"));
  t.is(await storeOf([], { KEEPSTATE_STORE: "./e" }), "./e");
  t.is(await storeOf(["--store", "./o"], { KEEPSTATE_STORE: "./e" }), "./o");
});

test("config validate finds every mistake with its line", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  await writeFile(join(folder, "keepstate.toml"), 'level = 99\n\ndurabilty = "sync"\n');
  const { exit, stdout } = await keepstate(["config", "validate"]);
  t.is(exit, 2);
  t.regex(stdout, /^keepstate.toml:1: level must be/m);
  t.regex(stdout, /^keepstate.toml:3: durabilty .* Did you mean durability\?$/m);
  t.is((await keepstate(["list"])).exit, 2);
});

test("colors only where they are wanted", async (t) => {
  const { keepstate } = await keepstateIn(t);
  await keepstate(["save", "a/b"], { stdin: "1" });
  await keepstate(["save", "a/b"], { stdin: "2" });
  const diff = (environment: Record<string, string>): Promise<{ stdout: string }> =>
    keepstate(["diff", "a/b@1"], { environment });
  t.notRegex((await diff({})).stdout, /\u001b/);
  t.regex((await diff({ FORCE_COLOR: "1" })).stdout, /\u001b\[33m/);
  t.notRegex((await diff({ FORCE_COLOR: "1", NO_COLOR: "1" })).stdout, /\u001b/);
});

test("diff --exit-code tells by its exit whether states differ", async (t) => {
  const { keepstate } = await keepstateIn(t);
  await keepstate(["save", "a/b"], { stdin: "1" });
  await keepstate(["save", "a/b"], { stdin: "2" });
  t.is((await keepstate(["diff", "a/b@1", "@2", "--exit-code"])).exit, 1);
  t.is((await keepstate(["diff", "a/b@2", "@2", "--exit-code"])).exit, 0);
});

test("a reader that goes away ends a long answer quietly", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  const stdin = JSON.stringify(Array.from({ length: 300_000 }, (_, i) => `line ${i}`));
  await keepstate(["save", "a/b"], { stdin });
  const child = spawn(PROGRAM[0], [PROGRAM[1], "restore", "a/b"], { cwd: folder });
  child.stdin.end();
  let stderr = "";
  child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
  child.stdout.once("data", () => child.stdout.destroy());
  const exit = await new Promise((resolve) => child.on("close", resolve));
  t.deepEqual([exit, stderr], [0, ""]);
});

test("Ctrl-C ends a waiting command with 130", async (t) => {
  const { folder } = await keepstateIn(t);
  const child = spawn(PROGRAM[0], [PROGRAM[1], "save", "a/b"], { cwd: folder });
  // More than a pipe holds: it is written when the command reads.
  child.stdin.write(" ".repeat(1_000_000), () => child.kill("SIGINT"));
  child.stdin.on("error", () => undefined);
  const exit = await new Promise((resolve) => child.on("close", resolve));
  t.is(exit, 130);
  t.deepEqual(await readdir(folder), []);
});

test("completion scripts parse, and name every command", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, exit } = await keepstate(["completion", shell]);
    t.is(exit, 0);
    for (const { name } of COMMANDS) t.true(stdout.includes(name));
    await writeFile(join(folder, shell), stdout);
  }
  const parsed = spawn("bash", ["-n", join(folder, "bash")]);
  t.is(await new Promise((resolve) => parsed.on("close", resolve)), 0);
});

test("bash completes commands, options and names", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  await keepstate(["save", "planner/run-42"], { stdin: "1" });
  await writeFile(join(folder, "script"), (await keepstate(["completion", "bash"])).stdout);
  const program = `'${PROGRAM.join("' '")}'`;
  const complete = (words: string[]): Promise<string> => {
    const script =
      `keepstate() { ${program} "$@"; }; . ./script; ` +
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); ` +
      `COMP_CWORD=${words.length - 1}; _keepstate; echo "\${COMPREPLY[*]}"`;
    const child = spawn("bash", ["-c", script], { cwd: folder });
    let text = "";
    child.stdout.on("data", (part: Buffer) => (text += part.toString()));
    return new Promise((resolve) => child.on("close", () => resolve(text.trim())));
  };
  t.is(await complete(["keepstate", "re"]), "restore repair");
  t.is(await complete(["keepstate", "save", "--la"]), "--label");
  t.is(await complete(["keepstate", "restore", "pl"]), "planner/run-42");
  t.is(await complete(["keepstate", "list", "--durability", "a"]), "async");
});

test("every code has one exit, and docs/cli.md has the same table", async (t) => {
  const listed = EXIT_CODES.flatMap(({ codes }) => codes);
  t.deepEqual([...listed].sort(), Object.keys(CODES).sort());
  const docs = await readFile("docs/cli.md", "utf8");
  for (const { exit, meaning, codes } of EXIT_CODES) {
    const row = `| ${exit} | ${meaning} | ${codes.map((code) => `\`${code}\``).join(" ")} |`;
    t.true(docs.includes(row), row);
  }
});

test("a folder that may not be written is said to be so", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  await chmod(folder, 0o555);
  t.teardown(() => chmod(folder, 0o755));
  const { exit, stderr } = await keepstate(["save", "a/b"], { stdin: "1" });
  const isRoot = process.getuid?.() === 0;
  t.is(exit, isRoot ? 0 : 8, "root may write everywhere");
  if (!isRoot) t.regex(stderr, /PERMISSION/);
});
