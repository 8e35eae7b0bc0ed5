// Configuration: which source wins, what each mistake says, and that secrets stay secret.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import test, { type ExecutionContext } from "ava";

import { loadConfig, type Outside, storeOf } from "../../src/config/load.js";
import { type Config, requireValid } from "../../src/config/resolve.js";
import { open } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";

async function fileOf(t: ExecutionContext, text: string): Promise<string> {
  const path = join(await emptyFolder(t), "keepstate.toml");
  await writeFile(path, text);
  return path;
}

function value(config: Config, key: string): unknown {
  return config.effective.get(key)?.value;
}

test("code wins over the command line, over the environment, over the file, over the preset", async (t) => {
  const file = await fileOf(t, 'preset = "secure"\ndurability = "async"\nlevel = 5\n');
  const environment = { KEEPSTATE_LEVEL: "7", KEEPSTATE_DURABILITY: "sync" };
  const commandLine = { level: 9, durability: "async" };
  const levels = async (code: object, outside: Outside): Promise<unknown[]> => {
    const config = await loadConfig({ ...code }, { file, ...outside });
    t.deepEqual(config.mistakes, []);
    return ["level", "durability", "integrity"].map((key) => value(config, key));
  };
  t.deepEqual(await levels({ level: 11 }, { environment, commandLine }), [11, "async", "full"]);
  t.deepEqual(await levels({}, { environment, commandLine }), [9, "async", "full"]);
  t.deepEqual(await levels({}, { environment }), [7, "sync", "full"]);
  t.deepEqual(await levels({}, {}), [5, "async", "full"]);
  t.deepEqual(await levels({ integrity: "fast" }, {}), [5, "async", "fast"]);
});

test("each value says where it came from", async (t) => {
  const file = await fileOf(t, '# first\nlevel = 5\n\n[stores.main]\nurl = "./x"\nread_only = true\n');
  const environment = { KEEPSTATE_DURABILITY: "async", KEEPSTATE_STORE: "main" };
  const { effective } = await loadConfig({}, { file, environment, commandLine: { preset: "full" } });
  const origin = (key: string): string | undefined => effective.get(key)?.origin;
  t.is(origin("level"), `${file}:2`);
  t.is(origin("stores.main.url"), `${file}:5`);
  t.is(origin("stores.main.readOnly"), `${file}:6`);
  t.is(origin("durability"), "KEEPSTATE_DURABILITY");
  t.is(origin("preset"), "--preset");
  t.is(origin("integrity"), "preset full");
  t.is(origin("singleWriter"), "default");
});

test("a profile is laid over its file, and under the environment", async (t) => {
  const file = await fileOf(
    t,
    'level = 5\nprofile = "fast"\n[profiles.fast]\nlevel = 1\ndurability = "async"\n' +
      '[profiles.slow]\npreset = "secure"\nlevel = 12\n',
  );
  const fast = await loadConfig({}, { file });
  t.deepEqual([value(fast, "level"), value(fast, "durability")], [1, "async"]);
  const slow = await loadConfig({ profile: "slow" }, { file });
  t.deepEqual([value(slow, "level"), value(slow, "integrity")], [12, "full"]);
  const loud = await loadConfig({}, { file, environment: { KEEPSTATE_LEVEL: "9" } });
  t.is(value(loud, "level"), 9);
  const none = await loadConfig({ profile: "fats" }, { file });
  t.regex(none.mistakes[0]?.message ?? "", /no profile fats. Did you mean fast\?/);
});

test("stores by name, with parameters of their own", async (t) => {
  const file = await fileOf(
    t,
    'store = "b"\n[stores]\na = "memory:"\n[stores.b]\nurl = "dir:./files"\nbackups = 2\n',
  );
  const config = await loadConfig({ durability: "async" }, { file });
  requireValid(config);
  const { url, parameters } = storeOf(config);
  t.is(url, `dir:${join(file, "../files")}`);
  t.deepEqual(parameters, { durability: "async", readOnly: false, create: true, backups: 2 });
  t.is(storeOf(await loadConfig({ store: "a" }, { file })).url, "memory:");
});

const mistakes: [text: string, says: RegExp][] = [
  ['durabilty = "sync"', /:1: durabilty is no configuration key. Did you mean durability\?/],
  ['\n\ndurability = "asnyc"', /:3: durability must be sync or async, not "asnyc". Did you mean async/],
  ["level = 99", /:1: level must be a whole number from 1 to 19, not 99/],
  ["readOnly = 1", /:1: readOnly must be true or false, not 1/],
  ['[stores.main]\nurl = "s4://x"', /:2: stores.main.url: .*s4: is none of file: dir: memory:/],
  ['[stores.main]\nurll = "./x"', /:2: stores.main.urll is no configuration key. Did you mean url/],
  ['store = "./x?durabilty=sync"', /:1: store: .*durabilty is unknown. Did you mean durability/],
  ['[profiles.x]\nlevel = "high"', /:2: profiles.x.level must be a whole number/],
  ["level = \n", /:1: column \d+: /],
  ["level = 5\nlevel = 6\n", /:2: column \d+: /],
  ['[store]\nurl = "./x"', /store.url is no configuration key/],
];

for (const [text, says] of mistakes) {
  test(`a mistake has its line: ${JSON.stringify(text)}`, async (t) => {
    const { mistakes: found } = await loadConfig({}, { file: await fileOf(t, text) });
    t.regex(found.map(({ origin, message }) => `${origin}: ${message}`).join("\n"), says);
  });
}

test("all mistakes are found at once", async (t) => {
  const file = await fileOf(t, 'level = 99\nreadonly = true\ndurability = "x"\n');
  const config = await loadConfig({}, { file, environment: { KEEPSTATE_LEVLE: "1" } });
  t.is(config.mistakes.length, 4);
  t.regex(config.mistakes.map(({ message }) => message).join(), /KEEPSTATE_LEVLE .*Did you mean level/);
  t.throws(() => requireValid(config), { code: "INVALID_CONFIG" });
});

test("an unknown option of open is refused, and what was meant is named", async (t) => {
  const error = await t.throwsAsync(() => open({ stroe: "memory:" } as object));
  t.like(error, { code: "INVALID_CONFIG" });
  t.regex(error?.message ?? "", /no option stroe. Did you mean store/);
  await t.throwsAsync(() => open({ store: "memory:", level: 0 }), { code: "INVALID_CONFIG" });
  await t.throwsAsync(() => open(undefined as never), { code: "INVALID_CONFIG" });
});

const urls: [url: string, says: RegExp][] = [
  ["s3://bucket", /s3: is none of/],
  ["dri:./x", /Did you mean dir\?/],
  ["memory:x", /memory: takes no path/],
  ["memory:?durability=sync", /parameter durability is unknown.*takes no parameter/],
  ["dir:", /dir: names no folder/],
  ["file:./x?durability=maybe", /must be sync or async/],
  ["file://host/x", /names a host/],
  ["file:./%zz", /two hex digits/],
  ["", /store must be non-empty text/],
];

for (const [url, says] of urls) {
  test(`the URL ${JSON.stringify(url)} is INVALID_CONFIG and says why`, async (t) => {
    const error = await t.throwsAsync(() => open(url));
    t.like(error, { code: "INVALID_CONFIG" });
    t.regex(error?.message ?? "", says);
  });
}

test("secrets are not shown", async (t) => {
  const environment = { KEEPSTATE_STORE: "redis://me:hunter2@host/0?token=hunter3&x=1" };
  const { effective, mistakes: found } = await loadConfig({}, { environment });
  t.is(effective.get("store")?.shown, "redis://me:***@host/0?token=***&x=1");
  t.notRegex(JSON.stringify(found), /hunter/);
});

test("fromConfig opens what the file names, beside the file", async (t) => {
  const folder = await emptyFolder(t);
  await mkdir(join(folder, "deep"));
  const file = join(folder, "deep", "keepstate.toml");
  await writeFile(file, 'store = "dir:./files"\n');
  const ks = await open.fromConfig(file);
  await ks.store.put("a", new Uint8Array([1]));
  await ks.close();
  await using again = await open(`dir:${join(folder, "deep", "files")}`);
  t.deepEqual((await again.store.get("a"))?.value.length, 1);
  await t.throwsAsync(() => open.fromConfig(join(folder, "none.toml")), { code: "NOT_FOUND" });
});

test("readOnly is refused where a store does not know it", async (t) => {
  await t.throwsAsync(() => open({ store: "memory:", readOnly: true }), { code: "UNSUPPORTED" });
});
