// The commands that look into a timeline, mend it and carry it elsewhere: what they print, how they
// end, and that nothing half is left behind, whatever ends them.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import test, { type ExecutionContext } from "ava";

import { open } from "../../src/index.js";
import { type Given, keepstateIn, PROGRAM } from "../fixtures/command.js";

interface Prepared {
  readonly folder: string;
  readonly ok: (words: string[], given?: Given) => Promise<string>;
  readonly json: (...words: string[]) => Promise<unknown>;
  readonly fails: (exit: number, says: RegExp, words: string[]) => Promise<void>;
}

/** A store with five snapshots and a tag. */
async function prepared(t: ExecutionContext): Promise<Prepared> {
  const { folder, keepstate } = await keepstateIn(t);
  const ks = await open(join(folder, ".keepstate"), { packing: "off" });
  const run = ks.timeline("planner/run-42");
  for (const n of [1, 2, 3, 4, 5]) {
    await run.save({ n, fixed: "x".repeat(100), list: [n, n] }, { label: `step ${n}` });
  }
  await run.tag("good", "@3");
  await ks.close();
  const ok = async (words: string[], given: Given = {}): Promise<string> => {
    const { exit, stdout, stderr } = await keepstate(words, given);
    t.is(exit, 0, `${words.join(" ")}: ${stderr}`);
    return stdout.trimEnd();
  };
  const json = async (...words: string[]): Promise<unknown> => JSON.parse(await ok([...words, "--json"]));
  const fails: Prepared["fails"] = async (exit, says, words) => {
    const ended = await keepstate(words);
    t.is(ended.exit, exit, `${words.join(" ")}: ${ended.stderr}`);
    t.regex(ended.stderr, says);
  };
  return { folder, ok, json, fails };
}

test("blame", async (t) => {
  const { ok, json, fails } = await prepared(t);
  t.regex(await ok(["blame", "planner/run-42", "/n"]), /^planner\/run-42@5\tchanged it\t.*Z\tstep 5$/);
  t.regex(await ok(["blame", "planner/run-42@2", "/list/0"]), /^planner\/run-42@2\tchanged it/);
  t.regex(await ok(["blame", "planner/run-42", "/fixed"]), /^planner\/run-42@1\tis the oldest, and has it/);
  t.like(await json("blame", "planner/run-42#good", "/n"), { did: "change", snapshot: { sequence: 3 } });
  await fails(2, /INVALID_ARGUMENT.*begin with a slash/, ["blame", "planner/run-42", "n"]);
  await fails(3, /NOT_FOUND.*'\/none'/, ["blame", "planner/run-42", "/none"]);
  await fails(3, /NOT_FOUND/, ["blame", "planner/run-42@9", "/n"]);
  await fails(3, /NOT_FOUND/, ["blame", "planner/none", "/n"]);
  await fails(2, /needs <pointer>/, ["blame", "planner/run-42"]);
});

test("why", async (t) => {
  const { ok, json, fails } = await prepared(t);
  const lines = (await ok(["why", "planner/run-42@latest"])).split("\n").map((line) => line.split("\t"));
  t.deepEqual(lines.map(([path, , , , what]) => [path, what]), [
    ["(the whole state)", "object of 3"],
    ["/fixed", "string"],
    ["/list", "array of 2"],
    ["/list/0", "other"],
    ["/list/1", "other"],
    ["/n", "other"],
  ]);
  t.is(lines[0]?.[3], "100.0%");
  t.true(lines.every(([, size, stored]) => /^\d+ B$/.test(size ?? "") && /^\d+ B$/.test(stored ?? "")));
  t.regex(await ok(["why", "planner/run-42", "-n", "1", "-d", "1"]), /\n\/\(2 more\)\t.*\tothers$/);
  t.like(await json("why", "planner/run-42", "--depth", "0"), { path: "", count: 3, parts: [] });
  await fails(2, /whole number/, ["why", "planner/run-42", "--depth", "x"]);
  await fails(2, /most must be/, ["why", "planner/run-42", "--most", "0"]);
  await fails(3, /NOT_FOUND/, ["why", "planner/run-42@9"]);
});

test("verify tells of a timeline, a snapshot and a store", async (t) => {
  const { json, fails } = await prepared(t);
  const all = { timelines: 1, snapshots: 5, damage: [] };
  t.like(await json("verify"), { ...all, files: 0 });
  t.like(await json("verify", "planner/run-42"), all);
  t.like(await json("verify", "planner/run-42@3"), { ...all, snapshots: 1 });
  await fails(3, /NOT_FOUND/, ["verify", "planner/run-42@9"]);
  await fails(3, /NOT_FOUND/, ["verify", "planner/none"]);
});

test("export and import", async (t) => {
  const { folder, ok, json, fails } = await prepared(t);
  t.regex(await ok(["export", "planner/run-42", "-o", "a.timeline"]), /^planner\/run-42: .*B in a\.timeline$/);
  t.regex(await ok(["import", "x/y", "a.timeline"]), /^x\/y@5: 5 snapshots came, .*B$/);
  t.is(await ok(["restore", "x/y#good"]), await ok(["restore", "planner/run-42@3"]));
  t.like(await json("show", "x/y"), { id: ((await json("show", "planner/run-42")) as { id: string }).id });
  const bytes = await readFile(join(folder, "a.timeline"));
  t.regex(await ok(["import", "x/piped"], { stdin: bytes }), /^x\/piped@5/);
  t.regex(await ok(["import", "x/dash", "-"], { stdin: bytes }), /^x\/dash@5/);
  t.like(await json("export", "planner/run-42", "-o", "b.timeline"), { path: "b.timeline", bytes: bytes.length });
  t.like(await json("import", "x/z", "b.timeline"), { snapshots: 5, snapshot: { ref: "x/z@5" } });
  await ok(["save", "planner/run-42"], { stdin: '{"n":6}' });
  await ok(["export", "planner/run-42", "--after", "5", "--output", "more.timeline"]);
  t.regex(await ok(["import", "x/y", "more.timeline"]), /^x\/y@6: 1 snapshot came/);
  await fails(4, /CONFLICT.*another name/, ["import", "x/y", "a.timeline"]);
  await fails(4, /CONFLICT/, ["import", "x/new", "more.timeline"]);
  await fails(3, /no file none/, ["import", "x/new", "none"]);
  await fails(8, /cannot be read/, ["import", "x/new", "."]);
  await fails(5, /NOT_OURS.*export makes one/, ["import", "x/new", PROGRAM[1]]);
  await writeFile(join(folder, "half"), bytes.subarray(0, bytes.length / 2));
  await fails(5, /CORRUPT.*export it again/, ["import", "x/new", "half"]);
  await fails(2, /INVALID_REF/, ["import", "x/new@3", "a.timeline"]);
  await fails(3, /NOT_FOUND/, ["show", "x/new"]);
  await fails(3, /NOT_FOUND/, ["export", "planner/none", "-o", "c.timeline"]);
  await fails(3, /NOT_FOUND/, ["export", "planner/run-42", "--after", "9", "-o", "c.timeline"]);
  await fails(6, /Only whole timelines/, ["export", "planner/run-42@3", "-o", "c.timeline"]);
  await fails(3, /Is there such a folder/, ["export", "planner/run-42", "-o", "none/c.timeline"]);
  await fails(8, /cannot be written/, ["export", "planner/run-42", "-o", "."]);
  await mkdir(join(folder, "closed"));
  await chmod(join(folder, "closed"), 0o500);
  if (process.getuid?.() !== 0) {
    await fails(8, /PERMISSION/, ["export", "planner/run-42", "-o", "closed/c.timeline"]);
  }
  const names = (await readdir(folder)).sort();
  t.deepEqual(names, [".keepstate", "a.timeline", "b.timeline", "closed", "half", "more.timeline"]);
});

test("an import of what cannot be read makes no store", async (t) => {
  const { folder, keepstate } = await keepstateIn(t);
  t.is((await keepstate(["import", "x/y", "none"])).exit, 3);
  t.is((await keepstate(["copy", "x/y", "--to", "./other"])).exit, 3);
  t.deepEqual(await readdir(folder), []);
});

test("copy", async (t) => {
  const { folder, ok, json, fails } = await prepared(t);
  t.regex(await ok(["copy", "planner/run-42", "--to", "./other"]), /^planner\/run-42@5: 5 snapshots, .*B$/);
  t.is(await ok(["copy", "planner/run-42", "--to", "other"]), "planner/run-42@5: nothing new to copy");
  await ok(["save", "planner/run-42"], { stdin: '{"n":6}' });
  t.like(await json("copy", "planner/run-42", "--to", "other"), { snapshots: 1, after: 5 });
  t.is(await ok(["restore", "planner/run-42", "-s", "other"]), '{"n":6}');
  t.regex(await ok(["copy", "planner/run-42", "--to", "dir:files", "--as", "x/y"]), /^x\/y@6: 6 snapshots/);
  t.is(await ok(["restore", "x/y", "-s", "dir:files"]), '{"n":6}');
  await writeFile(join(folder, "keepstate.toml"), '[stores.archive]\nurl = "./named"\n');
  t.regex(await ok(["copy", "planner/run-42", "--to", "archive"]), /6 snapshots/);
  t.is(await ok(["list", "-s", "./named"]), "planner/run-42");
  await ok(["save", "planner/run-42", "-s", "other"], { stdin: '{"n":7}' });
  await fails(4, /CONFLICT.*another name/, ["copy", "planner/run-42", "--to", "other"]);
  await fails(2, /needs --to/, ["copy", "planner/run-42"]);
  await fails(2, /INVALID_REF/, ["copy", "planner/run-42", "--to", "other", "--as", "x"]);
  await fails(2, /INVALID_CONFIG/, ["copy", "planner/run-42", "--to", "s3://x"]);
  await fails(6, /Only whole timelines/, ["copy", "planner/run-42@3", "--to", "other"]);
  await fails(3, /NOT_FOUND/, ["copy", "planner/none", "--to", "other"]);
});

test("repair", async (t) => {
  const { folder, ok, json, fails } = await prepared(t);
  t.regex(await ok(["repair", "planner/run-42"]), /no damage, nothing to repair$/);
  t.like(await json("repair", "planner/run-42"), { kept: 5, damage: [] });
  for (const more of [[], ["--dry-run"], ["--force"]]) {
    await fails(3, /NOT_FOUND/, ["repair", "planner/none", ...more]);
  }
  await ok(["copy", "planner/run-42", "--to", "dir:files"]);
  const ks = await open(`dir:${join(folder, "files")}`);
  const run = ks.timeline("planner/run-42");
  await run.restore();
  for (const n of [6, 7, 8]) await run.save({ n });
  const found = await ks.store.get("t/planner/run-42/000000000007");
  const bytes = found?.value ?? new Uint8Array();
  bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 4;
  await ks.store.put("t/planner/run-42/000000000007", bytes);
  await ks.close();
  const there = ["--store", "dir:files"];
  await fails(5, /damaged/, ["verify", ...there]);
  await fails(5, /^$/, ["repair", "planner/run-42", "--dry-run", ...there]);
  await fails(2, /Say so with --force/, ["repair", "planner/run-42", ...there]);
  await fails(6, /Only whole timelines/, ["repair", "planner/run-42@3", ...there]);
  await fails(5, /CORRUPT|damaged/, ["repair", "planner/run-42", "--force", ...there]);
  t.like(await json("verify", ...there), { damage: [] });
  t.like(JSON.parse(await ok(["restore", "planner/run-42@6", ...there])), { n: 6 });
  await fails(3, /NOT_FOUND/, ["restore", "planner/run-42@7", ...there]);
  t.regex(await ok(["repair", "planner/run-42", ...there]), /nothing to repair$/);
  await fails(6, /one by one/, ["repair", "--force", ...there]);
});

test("repair of a store that is too damaged to be opened", async (t) => {
  const { folder, ok, fails } = await prepared(t);
  const store = join(folder, ".keepstate");
  const catalog = (await readdir(store)).find((name) => /catalog/i.test(name)) ?? "";
  await writeFile(join(store, catalog), "nothing of sense");
  await fails(5, /CORRUPT.*repair/, ["list"]);
  await fails(2, /--force/, ["repair"]);
  await fails(6, /keepstate verify/, ["repair", "--dry-run"]);
  await fails(5, /verify/, ["repair", "--force"]);
  t.is(await ok(["list"]), "planner/run-42");
  await ok(["verify"]);
});

for (const [what, signal, exit] of [
  ["Ctrl-C", "SIGINT", 130],
  ["kill -9", "SIGKILL", null],
] as const) {
  test(`${what} in the middle of an import and of an export leaves nothing that counts`, async (t) => {
    const { folder, keepstate } = await keepstateIn(t);
    const ks = await open(join(folder, "from"), { durability: "async" });
    const run = ks.timeline("a/b");
    for (let n = 0; n < 6; n++) await run.save({ noise: randomBytes(3_000_000) });
    await ks.close();
    t.is((await keepstate(["export", "a/b", "-s", "from", "-o", "whole"])).exit, 0);
    const bytes = await readFile(join(folder, "whole"));

    const importing = spawn(PROGRAM[0], [PROGRAM[1], "import", "a/b", "-", "-s", "to"], { cwd: folder });
    importing.stdin.on("error", () => undefined);
    importing.stdin.write(bytes.subarray(0, bytes.length - 1000));
    while (!(await readdir(join(folder, "to")).catch(() => [])).length) await setTimeout(20);
    await setTimeout(200);
    importing.kill(signal);
    t.is(await new Promise((resolve) => importing.on("close", resolve)), exit);
    t.is((await keepstate(["list", "-s", "to"])).stdout, "");
    t.is((await keepstate(["verify", "-s", "to"])).exit, 0);
    t.is((await keepstate(["import", "a/b", "whole", "-s", "to"])).exit, 0);

    const words = [PROGRAM[1], "export", "a/b", "-s", "from", "-o", "half"];
    const exporting = spawn(PROGRAM[0], words, { cwd: folder });
    while (!(await readdir(folder)).some((name) => name.startsWith("half"))) await setTimeout(2);
    exporting.kill(signal);
    const ended = await new Promise((resolve) => exporting.on("close", resolve));
    const names = (await readdir(folder)).filter((name) => name.startsWith("half"));
    if (ended === 0) t.deepEqual(names, ["half"], "it was faster");
    else t.false(names.includes("half"));
    if (signal === "SIGINT" && ended !== 0) t.deepEqual(names, []);
  });
}

test("a restore into a file that cannot be written leaves the old one", async (t) => {
  const { folder, ok, fails } = await prepared(t);
  await writeFile(join(folder, "out.json"), "old");
  await fails(3, /NOT_FOUND/, ["restore", "planner/run-42@9", "-o", "out.json"]);
  t.is(await readFile(join(folder, "out.json"), "utf8"), "old");
  await ok(["restore", "planner/run-42@1", "-o", "out.json"]);
  t.like(JSON.parse(await readFile(join(folder, "out.json"), "utf8")), { n: 1 });
  t.deepEqual((await readdir(folder)).sort(), [".keepstate", "out.json"]);
});
