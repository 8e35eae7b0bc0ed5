// The commands for forks, tags, pruning, packing, searches and watches: what they print, as lines
// and as JSON, and how they end.

import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";

import test, { type ExecutionContext } from "ava";

import { keepstateIn, PROGRAM } from "../fixtures/command.js";

interface Prepared {
  readonly folder: string;
  readonly ok: (...words: string[]) => Promise<string>;
  readonly json: (...words: string[]) => Promise<unknown>;
  readonly fails: (exit: number, says: RegExp, words: string[]) => Promise<void>;
}

/** A store with five snapshots. */
async function prepared(t: ExecutionContext): Promise<Prepared> {
  const { folder, keepstate } = await keepstateIn(t);
  for (const n of [1, 2, 3, 4, 5]) {
    const words = ["save", "planner/run-42", "--label", `step ${n}`, "--meta", `odd=${n % 2 === 1}`];
    t.is((await keepstate(words, { stdin: JSON.stringify({ n, list: [n] }) })).exit, 0);
  }
  const ok = async (...words: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await keepstate(words);
    t.is(exit, 0, stderr);
    return stdout.trimEnd();
  };
  const json = async (...words: string[]): Promise<unknown> => JSON.parse(await ok(...words, "--json"));
  const fails: Prepared["fails"] = async (exit, says, words) => {
    const ended = await keepstate(words);
    t.is(ended.exit, exit, `${words.join(" ")}: ${ended.stderr}`);
    t.regex(ended.stderr, says);
    t.is(ended.stdout, "");
  };
  return { folder, ok, json, fails };
}

test("fork", async (t) => {
  const { ok, json, fails } = await prepared(t);
  t.is(await ok("fork", "planner/run-42@3", "planner/run-42-b"), "planner/run-42-b@3");
  t.like(await json("fork", "planner/run-42", "planner/c"), { ref: "planner/c@5", session: "c" });
  t.is(await ok("list"), "planner/c\nplanner/run-42-b\nplanner/run-42");
  t.is(await ok("restore", "planner/run-42-b"), '{"n":3,"list":[3]}');
  await fails(4, /CONFLICT.*another name/, ["fork", "planner/run-42", "planner/c"]);
  await fails(3, /NOT_FOUND/, ["fork", "planner/run-42@9", "planner/d"]);
  await fails(2, /INVALID_REF/, ["fork", "planner/run-42", "planner/d@3"]);
  await fails(2, /needs <to>/, ["fork", "planner/run-42"]);
  const gone = await ok("delete", "planner/run-42", "--force");
  t.regex(gone, /5 snapshots deleted\nWhat these forks show stays: planner\/(c|run-42-b), planner\//);
  t.is(await ok("list"), "planner/c\nplanner/run-42-b");
});

test("tag", async (t) => {
  const { ok, json, fails } = await prepared(t);
  t.is(await ok("tag", "planner/run-42", "good", "@3"), "good\tplanner/run-42@3");
  t.is(await ok("tag", "planner/run-42@2", "older"), "older\tplanner/run-42@2");
  t.is(await ok("tag", "planner/run-42"), "good\tplanner/run-42@3\nolder\tplanner/run-42@2");
  t.like(await json("tag", "planner/run-42"), [{ name: "good", sequence: 3 }, { name: "older" }]);
  t.is(await ok("restore", "planner/run-42#good"), '{"n":3,"list":[3]}');
  t.regex(await ok("show", "planner/run-42@3"), /^tags +good$/m);
  t.regex(await ok("list", "planner/run-42", "--tag", "*o*"), /^planner\/run-42@2\t.*older\n.*@3\t.*good$/);
  await fails(4, /CONFLICT.*names @3/, ["tag", "planner/run-42", "good", "@4"]);
  await fails(4, /CONFLICT/, ["tag", "planner/run-42", "good", "@4", "--from", "@1"]);
  await ok("tag", "planner/run-42", "good", "@4", "--from", "@3");
  t.like(await json("tag", "planner/run-42", "good", "@5", "--move"), { sequence: 5, tags: ["good"] });
  await fails(2, /not both/, ["tag", "planner/run-42", "good", "@4", "--from", "@5", "--move"]);
  await fails(2, /--delete takes the name/, ["tag", "planner/run-42", "--delete"]);
  t.is(await ok("tag", "planner/run-42", "good", "-d"), "planner/run-42@5 is no longer good");
  t.like(await json("tag", "planner/run-42", "older", "-d"), { name: "older", sequence: 2 });
  await fails(3, /NOT_FOUND/, ["tag", "planner/run-42", "good", "-d"]);
  await fails(3, /NOT_FOUND/, ["tag", "planner/none"]);
  t.is(await ok("tag", "planner/run-42"), "");
});

test("prune and pack", async (t) => {
  const { ok, json, fails } = await prepared(t);
  await ok("tag", "planner/run-42", "good", "@2");
  t.regex(await ok("pack", "planner/run-42"), /^planner\/run-42: 5 values became 1, .* written$/);
  t.like(await json("pack", "planner/run-42", "--level", "3"), { ref: "planner/run-42", values: 1 });
  const told = await ok("prune", "planner/run-42", "--keep-last", "1", "--dry-run");
  t.regex(told, /^planner\/run-42: 3 snapshots would go \(.*B\), 2 stay\n/);
  t.deepEqual(told.split("\n").slice(1), [
    "@1\t1\tgoes\t",
    "@2\t1\tstays\thas a tag",
    "@3 to @4\t2\tgoes\t",
    "@5\t1\tstays\tone of the newest",
  ]);
  t.like(await json("prune", "planner/run-42", "--older-than", "30d", "--dry-run"), { removed: 0 });
  t.like(await json("prune", "planner/run-42", "--older-than", "2020-01-01", "--dry-run"), { removed: 0 });
  await fails(2, /Say what is to stay/, ["prune", "planner/run-42"]);
  await fails(2, /exclude each other/, ["prune", "planner/run-42", "--keep-tagged", "--drop-tagged"]);
  await fails(2, /whole number/, ["prune", "planner/run-42", "--keep-last", "x"]);
  await fails(2, /olderThan must/, ["prune", "planner/run-42", "--older-than", "soon"]);
  await fails(2, /level must/, ["pack", "planner/run-42", "--level", "30"]);
  t.like(await json("prune", "planner/run-42", "--keep-tagged"), { removed: 3, kept: 2 });
  t.regex(await ok("list", "planner/run-42"), /^planner\/run-42@2\t.*\nplanner\/run-42@5\t.*$/);
});

test("search", async (t) => {
  const { ok, json, fails } = await prepared(t);
  await ok("fork", "planner/run-42@1", "coder/x");
  const refs = async (...words: string[]): Promise<string[]> =>
    ((await json("search", ...words)) as { ref: string }[]).map(({ ref }) => ref);
  t.deepEqual(await refs("planner/run-42", "--label", "step 3"), ["planner/run-42@3"]);
  t.deepEqual(await refs("planner/run-42", "--meta", "odd=true", "-n", "2"), ["planner/run-42@1", "planner/run-42@3"]);
  t.deepEqual(await refs("--label", "* 1"), ["coder/x@1", "planner/run-42@1"]);
  t.deepEqual(await refs("planner/", "--label", "* 1"), ["planner/run-42@1"]);
  t.deepEqual(await refs("--agent", "c*"), ["coder/x@1"]);
  t.deepEqual(await refs("--since", "1h", "--until", "2020-01-01"), []);
  t.regex(await ok("search", "--text", "STEP 5"), /^planner\/run-42@5\t.*\tstep 5\t?$/);
  await fails(2, /since must be/, ["search", "--since", "soon"]);
  await fails(2, /NAME=VALUE/, ["search", "--meta", "x"]);
});

test("diff --summary", async (t) => {
  const { ok, json } = await prepared(t);
  const lines = (await ok("diff", "planner/run-42@1", "@2", "--summary")).split("\n");
  t.deepEqual(lines, [
    "/n\tchanged\tnumber, 1 B\tnumber, 1 B\t1",
    "/list\tchanged\tarray of 1, 2 B\tarray of 1, 2 B\t1",
  ]);
  const deep = ["diff", "planner/run-42@1", "@2", "--summary", "--depth", "2"];
  t.like(await json(...deep), [{ path: "/n" }, { path: "/list/0", kind: "changed" }]);
});

test("watch", async (t) => {
  const { folder, ok, fails } = await prepared(t);
  const lines = (await ok("watch", "planner/run-42", "--after", "2", "-n", "3")).split("\n");
  t.deepEqual(lines.map((line) => line.split("\t")[0]), [3, 4, 5].map((n) => `planner/run-42@${n}`));
  const json = await ok("watch", "planner/run-42", "--after", "0", "-n", "2", "--json");
  t.deepEqual(json.split("\n").map((line) => (JSON.parse(line) as { index: number }).index), [1, 2]);
  t.is(await ok("watch", "planner/run-42", "--after", "4", "-n", "1", "--states"), '{"n":5,"list":[5]}');
  await fails(6, /Only whole timelines/, ["watch", "planner/run-42@3"]);
  await fails(2, /interval must/, ["watch", "planner/run-42", "--interval", "0"]);

  const child = spawn(PROGRAM[0], [PROGRAM[1], "watch", "planner/run-42", "--after", "4"], { cwd: folder });
  let told = "";
  child.stdout.on("data", (part: Buffer) => (told += part.toString()));
  const saw = async (ref: string): Promise<void> => {
    for (let i = 0; i < 400 && !told.includes(ref); i++) await setTimeout(50);
    t.true(told.includes(ref), told);
  };
  await saw("planner/run-42@5");
  const { keepstate } = await keepstateIn(t);
  await keepstate(["save", "planner/run-42", "--store", `${folder}/.keepstate`], { stdin: "6" });
  await saw("planner/run-42@6");
  child.kill("SIGINT");
  t.is(await new Promise((resolve) => child.on("close", resolve)), 130);
});
