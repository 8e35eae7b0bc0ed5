// Makes a checkout ready to run: installs packages, builds the addon, compiles TypeScript. Each
// step does only what has changed, so it is cheap to run before everything else.
//
//   node scripts/setup.mjs [--release] [--typescript] [--quiet]
//
//   --release      build the addon as it is published (slow); else as for tests and development
//   --typescript   only compile TypeScript
//   --quiet        say only what went wrong
//
// No dependency, and only syntax that an old Node.js can read: it has to tell that it is too old.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FLAGS = ["--release", "--typescript", "--quiet"];
const NODE = [20, 19];
const RUST = [1, 85];

const flags = process.argv.slice(2);
const quiet = flags.includes("--quiet");

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

async function main() {
  checkFlags();
  checkNode();
  if (!flags.includes("--typescript")) checkToolchain();
  if (!isInstalled()) await step("install packages", () => npm(["ci", "--no-audit", "--no-fund"]));
  if (!flags.includes("--typescript")) await step("build the addon", buildAddon);
  await step("compile TypeScript", compile);
}

async function step(name, work) {
  const begun = Date.now();
  const told = await work();
  const seconds = ((Date.now() - begun) / 1000).toFixed(1);
  if (!quiet) console.error(`setup: ${name}: ${told || "done"} (${seconds} s)`);
}

function checkFlags() {
  const unknown = flags.find((flag) => !FLAGS.includes(flag));
  if (unknown) throw new Error(`Unknown option ${unknown}; there are ${FLAGS.join(", ")}.`);
}

function checkNode() {
  if (isOlder(process.versions.node, NODE)) {
    throw new Error(
      `Keepstate needs Node.js ${NODE.join(".")} or newer and this is ${process.versions.node}: ` +
        "install a newer one from https://nodejs.org.",
    );
  }
}

function checkToolchain() {
  const cargo = versionOf("cargo");
  if (cargo === undefined) {
    throw new Error("Keepstate's addon is built with Rust: install it from https://rustup.rs.");
  }
  if (isOlder(cargo, RUST)) {
    throw new Error(
      `Keepstate's addon needs Rust ${RUST.join(".")} or newer and this is ${cargo}: ` +
        "run rustup update.",
    );
  }
  const cc = process.env.CC || "cc";
  if (process.platform !== "win32" && spawnSync(cc, ["--version"]).error) {
    throw new Error(
      "Keepstate's addon needs a C compiler: install one " +
        "(Debian: apt-get install build-essential; macOS: xcode-select --install).",
    );
  }
}

/** The first version that `name --version` prints; undefined where there is no such program. */
function versionOf(name) {
  const { error, status, stdout } = spawnSync(name, ["--version"], { encoding: "utf8" });
  if (error || status !== 0) return undefined;
  return (/\d+\.\d+\.\d+/.exec(stdout) || [undefined])[0];
}

function isOlder(version, [major, minor]) {
  const [has, point] = version.split(".").map(Number);
  return has < major || (has === major && point < minor);
}

/**
 * Whether node_modules holds what package-lock.json asks for. By content: times say nothing after
 * a clone. An optional package may be missing where it is for another platform.
 */
function isInstalled() {
  const hidden = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const there = JSON.parse(readFileSync(hidden, "utf8")).packages;
  const asked = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  return Object.keys(asked).every((path) => {
    if (path === "" || asked[path].link) return true;
    if (!there[path]) return asked[path].optional === true || asked[path].peer === true;
    return there[path].version === asked[path].version && existsSync(join(ROOT, path));
  });
}

function npm(args) {
  return run(process.platform === "win32" ? "npm.cmd" : "npm", args);
}

async function buildAddon() {
  const profile = flags.includes("--release") ? "release" : "ci";
  const manifest = join(ROOT, "native", "Cargo.toml");
  const args = ["build", "--locked", "--manifest-path", manifest, "-p", "keepstate-node"];
  const testing = profile === "ci" ? ["--features", "testing"] : [];
  await run("cargo", [...args, "--profile", profile, ...testing, ...(quiet ? ["--quiet"] : [])]);
  const target = process.env.CARGO_TARGET_DIR || join(ROOT, "native", "target");
  return install(join(target, profile, libraryName()), join(ROOT, `keepstate.${triple()}.node`));
}

/** By rename: a process that has the old one loaded keeps it. */
function install(library, addon) {
  const bytes = readFileSync(library);
  if (existsSync(addon) && readFileSync(addon).equals(bytes)) return "unchanged";
  const fresh = `${addon}.${process.pid}.new`;
  writeFileSync(fresh, bytes, { mode: 0o755 });
  renameSync(fresh, addon);
  return `${(bytes.length / 1e6).toFixed(1)} MB`;
}

function libraryName() {
  if (process.platform === "win32") return "keepstate_node.dll";
  return process.platform === "darwin" ? "libkeepstate_node.dylib" : "libkeepstate_node.so";
}

/** As src/native/platform.ts names it. */
function triple() {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform !== "linux") return name;
  process.report.excludeNetwork = true;
  return `${name}-${process.report.getReport().header.glibcVersionRuntime ? "gnu" : "musl"}`;
}

/** For tests (build/) and for users (dist/), beside each other. */
async function compile() {
  const cache = ["--incremental", "--tsBuildInfoFile", join(ROOT, "build", "tsbuildinfo.json")];
  const tsc = run(process.execPath, [program("typescript", "tsc"), "-p", ROOT, ...cache]);
  const tsdown = run(process.execPath, [program("tsdown", "tsdown"), "--log-level", "warn"]);
  await Promise.all([tsc, tsdown]);
}

function program(name, command) {
  const folder = join(ROOT, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[command]);
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
    child.on("error", (error) => reject(new Error(`${command} did not start: ${error.message}`)));
    child.on("exit", (code, signal) => {
      if (code === 0) return resolve();
      const words = `${command} ${args[0]} failed (${signal || code})`;
      reject(new Error(`${words}: see what it wrote above.`));
    });
  });
}
