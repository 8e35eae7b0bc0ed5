// Why an addon does not load is said in one sentence, for each way in which it can fail. Where this
// machine can produce the failure it is produced for real; else the linker's own words are given.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import test, { type ExecutionContext } from "ava";

import { KeepstateError } from "../../src/errors.js";
import { diagnose } from "../../src/native/diagnose.js";
import { NativeLoadError } from "../../src/native/load-error.js";
import { load, type LoadOptions } from "../../src/native/load.js";
import { host, triple } from "../../src/native/platform.js";
import { VERSION } from "../../src/version.js";
import { inFolder } from "./_testing.js";

const HERE = host();
const BUILT = load().path;

/** Loads, which must fail, for this reason and with these words. */
function fails(t: ExecutionContext, options: LoadOptions, expected: [string, RegExp]): void {
  const error = t.throws(() => load(options), { instanceOf: NativeLoadError });
  const [reason, words] = expected;
  t.is(error?.reason, reason as never, error?.message);
  t.regex(error?.message ?? "", words);
  t.true(error instanceof KeepstateError);
  t.is(error?.code, "NATIVE_LOAD");
  t.true((error?.tried.length ?? 0) > 0 && error?.cause instanceof Error);
}

/** A folder that looks like the package; `files` by name. */
function packaged(folder: string, files: Record<string, string> = {}): LoadOptions {
  for (const [name, text] of Object.entries({ "package.json": "{}", ...files })) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return { root: folder };
}

/** A copy of the built addon with some bytes replaced. */
function patched(folder: string, change: (bytes: Buffer) => void): LoadOptions {
  const bytes = readFileSync(BUILT);
  change(bytes);
  const path = join(folder, "patched.node");
  writeFileSync(path, bytes);
  return { path };
}

test("the local build is loaded, or the file that was named", (t) => {
  t.is(load().addon.version(), VERSION);
  t.true(BUILT.endsWith(`keepstate.${triple(HERE)}.node`));
  t.is(load({ path: BUILT }).path, BUILT);
});

test("the version is that of the package", (t) => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  t.is(VERSION, version);
});

test("the platform's package is loaded where there is no local build", async (t) => {
  await inFolder((folder) => {
    const name = `node_modules/@keepstate/${triple(HERE)}`;
    const options = packaged(folder, { [`${name}/package.json`]: '{"main":"keepstate.node"}' });
    cpSync(BUILT, join(folder, name, "keepstate.node"));
    t.is(load(options).path, join(folder, name, "keepstate.node"));
  });
});

test("not built yet", async (t) => {
  await inFolder((folder) => {
    const options = packaged(folder, { "native/Cargo.toml": "" });
    fails(t, options, ["not-built", /npm run build/]);
  });
});

test("the platform's package is missing", async (t) => {
  await inFolder((folder) => {
    fails(t, packaged(folder), ["package-missing", /npm install --include=optional @keepstate/]);
  });
});

test("the packages were installed on another system", async (t) => {
  await inFolder((folder) => {
    const other = "node_modules/@keepstate/darwin-arm64/package.json";
    const words = /@keepstate\/darwin-arm64 is there.*package-lock\.json/;
    fails(t, packaged(folder, { [other]: "{}" }), ["other-platform", words]);
  });
});

test.serial("optional dependencies were left out", async (t) => {
  await inFolder((folder) => {
    process.env["npm_config_omit"] = "dev,optional";
    try {
      fails(t, packaged(folder), ["optional-omitted", /"omit" setting/]);
    } finally {
      delete process.env["npm_config_omit"];
    }
  });
});

test("no package exists for the platform", async (t) => {
  await inFolder((folder) => {
    const options = { ...packaged(folder), host: { ...HERE, platform: "sunos", libc: undefined } };
    fails(t, options, ["unsupported-platform", /sunos-x64|sunos-/]);
  });
});

test("Node.js is too old", async (t) => {
  await inFolder((folder) => {
    const options = { ...packaged(folder), host: { ...HERE, node: "20.18.3" } };
    fails(t, options, ["node-too-old", /20\.19 or newer and this is 20\.18\.3/]);
  });
});

test.serial("the file that was named does not exist", (t) => {
  fails(t, { path: "/nowhere/keepstate.node" }, ["path-missing", /KEEPSTATE_NATIVE_PATH/]);
  process.env["KEEPSTATE_NATIVE_PATH"] = "/nowhere/else.node";
  try {
    fails(t, {}, ["path-missing", /\/nowhere\/else\.node/]);
  } finally {
    delete process.env["KEEPSTATE_NATIVE_PATH"];
  }
});

test("an addon of another version", async (t) => {
  await inFolder((folder) => {
    const path = join(folder, "fake.cjs");
    writeFileSync(path, 'exports.version = () => "9.9.9";');
    fails(t, { path }, ["wrong-version", /version 9\.9\.9, the package of/]);
  });
});

// What only these systems can produce.
const onLinux = HERE.platform === "linux" ? test : test.skip;
const onGlibc = HERE.libc === "gnu" ? test : test.skip;

onLinux("an addon for another processor", async (t) => {
  await inFolder((folder) => {
    const machine = HERE.arch === "arm64" ? 62 : 183;
    const other = patched(folder, (bytes) => bytes.writeUInt16LE(machine, 18));
    fails(t, other, ["wrong-arch", /is for (arm64|x64), and this Node\.js runs on/]);
  });
});

onLinux("a file that is no library, an empty one, a folder, and half of one", async (t) => {
  await inFolder((folder) => {
    const text = join(folder, "text.node");
    writeFileSync(text, "<!doctype html><p>404 Not Found</p>");
    fails(t, { path: text }, ["damaged", /no whole library/]);
    const empty = join(folder, "empty.node");
    writeFileSync(empty, "");
    fails(t, { path: empty }, ["damaged", /no whole library/]);
    const half = patched(folder, () => {}).path ?? "";
    const { size } = statSync(half);
    for (const length of [size - 1, size >> 1, 1000, 63]) {
      truncateSync(half, length);
      fails(t, { path: half }, ["damaged", /no whole library/]);
    }
    mkdirSync(join(folder, "folder.node"));
    fails(t, { path: join(folder, "folder.node") }, ["path-missing", /no addon at/]);
  });
});

onGlibc("an addon that needs a newer glibc", async (t) => {
    await inFolder((folder) => {
    const options = patched(folder, (bytes) => {
      const at = bytes.indexOf("GLIBC_2.2");
      bytes.write("GLIBC_9.9", at, "latin1");
    });
    fails(t, options, ["glibc-too-old", /needs glibc 9\.9.* and this system has 2\./]);
  });
});

onGlibc("an addon built for musl on glibc", async (t) => {
    await inFolder((folder) => {
    const source = join(folder, "empty.c");
    writeFileSync(source, "int keepstate_nothing(void) { return 0; }");
    const shared = ["-shared", "-fPIC", source];
    const musl = join(folder, "libmusl.so");
    const path = join(folder, "musl.node");
    execFileSync("cc", [...shared, "-Wl,-soname,libc.musl-x86_64.so.1", "-o", musl]);
    execFileSync("cc", [...shared, "-Wl,--no-as-needed", musl, "-o", path]);
    fails(t, { path }, ["wrong-libc", /built for musl and this system runs glibc/]);
  });
});

onLinux("an addon built for glibc on musl, in the words of musl's linker", (t) => {
  const musl = { ...HERE, libc: "musl" as const, glibc: undefined };
  for (const message of [
    `Error loading shared library ld-linux-x86-64.so.2: No such file (needed by ${BUILT})`,
    `Error relocating ${BUILT}: __memcpy_chk: symbol not found`,
    `Error relocating ${BUILT}: gnu_get_libc_version: symbol not found`,
  ]) {
    const attempts = [{ path: BUILT, error: new Error(message) }];
    const found = diagnose({ attempts, host: musl, root: "/" });
    t.is(found.reason, "wrong-libc");
    t.regex(found.message, /built for glibc and this system runs musl/);
  }
});

onLinux("whatever else the linker says is passed on", async (t) => {
  await inFolder((folder) => {
    const source = join(folder, "missing.c");
    const path = join(folder, "missing.node");
    writeFileSync(source, "int nowhere(void); int (*f)(void) = nowhere;");
    execFileSync("cc", ["-shared", "-fPIC", source, "-o", path]);
    fails(t, { path }, ["unknown", /undefined symbol: nowhere/]);
  });
});
