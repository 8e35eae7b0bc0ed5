// What npm would publish: it is imported, required, typed and run from an empty folder, and two
// linters of packages find nothing wrong with it.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import test from "ava";

import { load } from "../../src/native/load.js";

const ROOT = process.cwd();
const folder = await mkdtemp(join(tmpdir(), "keepstate-package-"));
const installed = join(folder, "node_modules", "keepstate");
let tarball = "";

async function run(program: string, words: readonly string[], cwd = folder): Promise<string> {
  const env = { ...process.env, KEEPSTATE_NATIVE_PATH: load().path, NO_COLOR: "1" };
  const child = spawn(program, words, { cwd, env });
  let told = "";
  child.stdout.on("data", (part: Buffer) => (told += part.toString()));
  child.stderr.on("data", (part: Buffer) => (told += part.toString()));
  const exit = await new Promise((done) => child.on("close", done));
  if (exit === 0) return told;
  throw new Error(`${program} ${words.join(" ")} ended with ${exit}: ${told}`);
}

function tool(name: string, path: string): string {
  return resolve(ROOT, "node_modules", name, path);
}

test.before(async () => {
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], ROOT);
  const [name = ""] = (await readdir(folder)).filter((file) => file.endsWith(".tgz"));
  tarball = join(folder, name);
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  await symlink(tool("smol-toml", "."), join(folder, "node_modules", "smol-toml"));
  await symlink(tool("@types", "."), join(folder, "node_modules", "@types"));
});

test.after.always(() => rm(folder, { recursive: true, force: true }));

const USE = `
  const ks = await open("memory:");
  const run = ks.timeline("planner/run-42");
  await run.save({ n: new Map([[1, 2n]]) });
  if ((await run.restore()).n.get(1) !== 2n) throw new Error("it was not restored");
  await run.restore("@9").catch((error) => {
    if (!(error instanceof KeepstateError) || error.code !== "NOT_FOUND") throw error;
  });
  await ks.close();
`;

test("it is imported", async (t) => {
  const text = `import { open, KeepstateError } from "keepstate";
    import { conformance } from "keepstate/testing"; ${USE}
    for (const { run } of conformance(async () => (await open("memory:")).store).slice(0, 3)) await run();`;
  await writeFile(join(folder, "use.mjs"), text);
  t.is(await run(process.execPath, ["use.mjs"]), "");
});

test("it is required, and both copies know each other's errors", async (t) => {
  const text = `const { open, KeepstateError } = require("keepstate");
    require("keepstate/testing");
    (async () => { ${USE}
      const other = await import("keepstate");
      if (other.KeepstateError === KeepstateError) throw new Error("one copy, this proves nothing");
      if (!(new other.KeepstateError("IO", "x") instanceof KeepstateError)) throw new Error("no");
    })();`;
  await writeFile(join(folder, "use.cjs"), text);
  t.is(await run(process.execPath, ["use.cjs"]), "");
});

test("its command runs", async (t) => {
  const told = await run(process.execPath, [join(installed, "dist", "cli.js"), "--version"]);
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  t.is(told.trim(), version);
});

test("its types infer, and refuse what is wrong", async (t) => {
  const text = await readFile(resolve(ROOT, "test/package/types.ts.txt"), "utf8");
  const options = { strict: true, noEmit: true, module: "NodeNext", target: "ES2022" };
  const lib = ["ES2022", "ESNext.Disposable"];
  const compilerOptions = { ...options, lib, types: ["node"], skipLibCheck: false };
  for (const extension of ["mts", "cts"]) {
    await writeFile(join(folder, `types.${extension}`), text);
  }
  const config = { compilerOptions, files: ["types.mts", "types.cts"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  t.is(await run(process.execPath, [tool("typescript", "bin/tsc"), "-p", "."]), "");
});

test("publint and attw find nothing", async (t) => {
  const publint = await run(process.execPath, [tool("publint", "src/cli.js"), tarball, "--strict"]);
  t.regex(publint, /All good/);
  const attw = tool("@arethetypeswrong/cli", "dist/index.js");
  t.regex(await run(process.execPath, [attw, tarball, "--profile", "node16"]), /node16/);
});

test("it holds what it needs and no more", async (t) => {
  const names = await readdir(installed);
  t.deepEqual(names.filter((name) => !/^(dist|docs|package.json|(README|ARCHITECTURE|FORMAT|CHANGELOG)\.md|LICENSE.*)$/.test(name)), []);
  t.deepEqual((await readdir(join(installed, "dist"))).filter((name) => name.endsWith(".node")), []);
});
