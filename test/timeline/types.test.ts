// Proves that an engine's types hold wherever it saves and restores: timelines, single files, JSON
// text and comparisons; that types of one engine are not those of another; and that a process which
// does not know a type loses nothing of it.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { KeepstateError, open, restoreFile, saveFile, UnknownType } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";
import { Crate, crate, Holder, holder, Stamp, stamp } from "../encode/own-types.js";

const types = [stamp, crate, holder];
const MAIN = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const run = promisify(execFile);

interface State {
  readonly held: Holder;
  readonly crates: Crate[];
}

const made = (): State => ({ held: new Holder(new Stamp("a")), crates: [new Crate({ n: 1 }, 2)] });

test("types are given to open, or registered", async (t) => {
  await using ks = await open("memory:", { types: [crate] });
  ks.registerType(holder);
  const timeline = ks.timeline<State>("a/b");
  const state = made();
  await timeline.save(state);
  ks.registerType(stamp);
  await timeline.save(state);
  state.held.inner = "changed";
  state.crates[0]!.weight = 3;
  await timeline.save(state);
  const first = await timeline.restore("@1");
  t.is(first.held.inner, "not a");
  t.is(((await timeline.restore("@2")).held.inner as Stamp).text, "a");
  const last = await timeline.restore();
  t.true(last.held instanceof Holder && last.crates[0] instanceof Crate);
  t.deepEqual([last.held.inner, last.crates[0]!.weight], ["changed", 3]);
  t.throws(() => ks.registerType(crate), { instanceOf: KeepstateError });
});

test("a name that is given twice opens nothing", async (t) => {
  const error = await t.throwsAsync(open("memory:", { types: [holder, holder] }), {
    instanceOf: KeepstateError,
  });
  t.is(error?.code, "INVALID_ARGUMENT");
});

test("who does not know a type passes it on unchanged", async (t) => {
  const folder = await emptyFolder(t);
  {
    await using ks = await open(folder, { types });
    await ks.timeline("a/b").save(made());
  }
  {
    await using ks = await open(folder);
    const timeline = ks.timeline<{ held: UnknownType; step?: number }>("a/b");
    const state = await timeline.restore();
    t.true(state.held instanceof UnknownType);
    t.is(state.held.name, "Holder");
    await timeline.save(state);
    t.deepEqual(
      (await timeline.restoreBytes("@1")).bytes,
      (await timeline.restoreBytes("@2")).bytes,
    );
    t.deepEqual(await timeline.diff("@1", "@2"), []);
    state.step = 3;
    (state.held.data as { inner: unknown }).inner = 7;
    await timeline.save(state);
    const json = await run(process.execPath, [MAIN, "restore", "a/b", "--store", folder]);
    t.true(json.stdout.replaceAll(/\s/g, "").includes('{"$type":["Holder",{"inner":7}]}'));
  }
  await using ks = await open(folder, { types });
  const back = await ks.timeline<State & { step: number }>("a/b").restore();
  t.deepEqual([back.held.inner, back.step, back.crates[0]!.weight], [7, 3, 2]);
});

test("values of types are compared by what they are saved as", async (t) => {
  await using ks = await open("memory:", { types });
  const timeline = ks.timeline("a/b");
  const state = { same: new Holder({ a: 1 }), list: [new Holder(1), new Stamp("x")], m: new Map() };
  await timeline.save(state);
  state.list[0] = new Crate(1, 5);
  (state.list[1] as Stamp).text = "y";
  state.m.set("k", new Holder(new Map([[1, 2]])));
  await timeline.save(state);
  const patch = await timeline.diff("@1");
  t.deepEqual(
    patch.map(({ op, path }) => [op, path]),
    [["replace", "/list/0"], ["replace", "/list/1"], ["replace", "/m"]],
  );
  const told = await timeline.diffSummary("@1", undefined, { depth: 2 });
  const sides = told.map(({ path, before, after }) => [path, before?.type, after?.type]);
  t.deepEqual(sides, [["/list/0", "Holder", crate.name], ["/list/1", "s", "s"], ["/m", "Map", "Map"]]);
  const values = patch.map((one) => ("value" in one ? one.value : undefined));
  t.true(values[0] instanceof Crate);
  t.is((values[1] as Stamp).text, "y");
  t.true((values[2] as Map<string, Holder>).get("k") instanceof Holder);
});

for (const form of ["json", "ks", "json.gz"]) {
  test(`single files hold values of types: .${form}`, async (t) => {
    await using ks = await open("memory:", { types });
    await using other = await open({ store: ks.store });
    const key = `a.${form}`;
    await ks.file(key).save(made());
    t.is(((await ks.file<State>(key).restore()).held.inner as Stamp).text, "a");
    const unknown = await other.file<{ held: UnknownType }>(key).restore();
    t.is(unknown.held.name, "Holder");
    await other.file(key).save(unknown);
    t.true((await ks.file<State>(key).restore()).crates[0] instanceof Crate);
    const path = join(await emptyFolder(t), key);
    await saveFile(path, made(), { types });
    t.is((await restoreFile<State>(path, { types })).crates[0]!.weight, 2);
    t.true((await restoreFile<{ held: unknown }>(path)).held instanceof UnknownType);
    if (form !== "json") return;
    t.true((await readFile(path, "utf8")).includes('{"$type":["Holder",{"inner":{"$type":["s","a"]}}]}'));
  });
}

test("a type that fails to decode fails the restore, and says where", async (t) => {
  const wrong = { ...holder, decode: (): Holder => { throw new RangeError("mine"); } };
  await using ks = await open("memory:", { types: [wrong, stamp] });
  const timeline = ks.timeline("a/b");
  await timeline.save({ list: [new Holder(1)] });
  const error = await t.throwsAsync(timeline.restore(), { instanceOf: KeepstateError });
  t.deepEqual([error?.code, error?.pointer], ["CODEC_FAILED", "/list/0"]);
  t.true(error?.cause instanceof RangeError);
  await using other = await open({ store: ks.store });
  t.truthy(await other.timeline("a/b").restore());
});

test("metadata is plain, and plain JSON holds no value of a type", async (t) => {
  await using ks = await open("memory:", { types });
  const timeline = ks.timeline("a/b");
  const { metadata } = await timeline.save(1, { metadata: { stamp: new Stamp("a") } });
  t.deepEqual(metadata, { stamp: "not a" });
  const plain = ks.timeline("a/c", { encoding: "json" });
  const error = await t.throwsAsync(plain.save({ u: new UnknownType("Holder", 1) }), {
    instanceOf: KeepstateError,
  });
  t.deepEqual([error?.code, error?.pointer], ["NOT_JSON", "/u"]);
});
