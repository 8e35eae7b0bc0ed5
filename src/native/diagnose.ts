// Why an addon could not be loaded, and the one sentence that says what to do.

import { existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join } from "node:path";

import { VERSION } from "../version.js";
import { readElf } from "./elf.js";
import { VersionError, type Attempt, type LoadReason } from "./load-error.js";
import { triple, type Host } from "./platform.js";

/** What is known of the failure. */
export interface Case {
  readonly attempts: readonly Attempt[];
  readonly host: Host;
  /** The folder of the package. */
  readonly root: string;
}

/** What was found. */
export interface Diagnosis {
  readonly reason: LoadReason;
  /** What happened and what to do. */
  readonly message: string;
}

/** The platforms that packages are published for. */
const PUBLISHED: readonly string[] = [
  "linux-x64-gnu",
  "linux-x64-musl",
  "linux-arm64-gnu",
  "linux-arm64-musl",
  "darwin-x64",
  "darwin-arm64",
  "win32-x64",
];

const OLDEST_NODE: readonly [number, number] = [20, 19];

/** The most telling reason: one that a file itself gave comes before one that found none. */
export function diagnose(failure: Case): Diagnosis {
  return tooOldNode(failure) ?? brokenFile(failure) ?? nothingThere(failure);
}

function tooOldNode({ host }: Case): Diagnosis | undefined {
  const [major = 0, minor = 0] = host.node.split(".").map(Number);
  const [oldest, point] = OLDEST_NODE;
  if (major > oldest || (major === oldest && minor >= point)) return undefined;
  const message =
    `Keepstate needs Node.js ${oldest}.${point} or newer and this is ${host.node}: ` +
    "install a newer Node.js from https://nodejs.org.";
  return { reason: "node-too-old", message };
}

/** A file was there, and did not load. */
function brokenFile(failure: Case): Diagnosis | undefined {
  for (const attempt of failure.attempts) {
    const path = fileOf(attempt, failure.root);
    if (path === undefined) continue;
    const found =
      ofVersion(attempt, path) ??
      ofHeader(path, failure.host) ??
      ofLibrary(attempt, failure.host) ??
      unknown(attempt, path);
    return found;
  }
  return undefined;
}

const NO_THROW = { throwIfNoEntry: false } as const;

function fileOf({ path }: Attempt, root: string): string | undefined {
  if (isAbsolute(path)) return statSync(path, NO_THROW)?.isFile() ? path : undefined;
  try {
    return createRequire(join(root, "package.json")).resolve(path);
  } catch {
    return undefined;
  }
}

function ofVersion({ error }: Attempt, path: string): Diagnosis | undefined {
  if (!(error instanceof VersionError)) return undefined;
  const message =
    `The addon at ${path} does not belong to this package. ${error.message} ` +
    "Install both anew (npm install), or in a checkout build it (npm run build).";
  return { reason: "wrong-version", message };
}

/** The machine that a library is for. */
function ofHeader(path: string, host: Host): Diagnosis | undefined {
  if (host.platform !== "linux") return undefined;
  const elf = readElf(path);
  if (elf === undefined) return damaged(path);
  if (elf.arch === host.arch) return undefined;
  const message =
    `The addon at ${path} is for ${elf.arch}, and this Node.js runs on ${host.arch}: ` +
    "install the packages on the machine on which they run, with the same Node.js.";
  return { reason: "wrong-arch", message };
}

function damaged(path: string): Diagnosis {
  const message =
    `The addon at ${path} is damaged, it is no whole library: ` +
    "remove it and install again (npm install), or in a checkout build it (npm run build).";
  return { reason: "damaged", message };
}

/** What the dynamic linker missed. */
function ofLibrary({ error }: Attempt, host: Host): Diagnosis | undefined {
  const needed = /version [`']GLIBC_([0-9.]+)' not found/.exec(error.message)?.[1];
  if (needed !== undefined && host.libc === "gnu") {
    const message =
      `The addon needs glibc ${needed} and this system has ${host.glibc ?? "an older one"}: ` +
      "use a newer distribution or container image, or build from source (npm run build).";
    return { reason: "glibc-too-old", message };
  }
  const musl = /(libc\.musl-|ld-musl-)/.test(error.message);
  const glibc = /(ld-linux|libgcc_s|GLIBC_|__[a-z_]+_chk: symbol not found|gnu_get_libc)/;
  const wrong = host.libc === "gnu" ? musl : glibc.test(error.message);
  if (host.libc === undefined || !wrong) return undefined;
  const [is, has] = host.libc === "gnu" ? ["musl", "glibc"] : ["glibc", "musl"];
  const message =
    `The addon was built for ${is} and this system runs ${has}: remove node_modules and install ` +
    `here (npm install --libc=${has}), where npm picks @keepstate/${triple(host)}.`;
  return { reason: "wrong-libc", message };
}

function unknown({ error }: Attempt, path: string): Diagnosis {
  const message =
    `The addon at ${path} could not be loaded (${error.message}): install it again ` +
    "(npm install), and report this text if that does not help.";
  return { reason: "unknown", message };
}

/** No file was there at all. */
function nothingThere({ attempts, host, root }: Case): Diagnosis {
  const name = `@keepstate/${triple(host)}`;
  const [first] = attempts;
  if (attempts.length === 1 && first !== undefined) {
    const message =
      `There is no addon at ${first.path}: correct or remove KEEPSTATE_NATIVE_PATH ` +
      "(or the path given in code).";
    return { reason: "path-missing", message };
  }
  if (existsSync(join(root, "native", "Cargo.toml"))) {
    return { reason: "not-built", message: "The addon has not been built yet: run npm run build." };
  }
  if (!PUBLISHED.includes(triple(host))) {
    const message =
      `There is no prebuilt addon for ${triple(host)} (there is for ${PUBLISHED.join(", ")}): ` +
      "clone the repository and build it there (npm run build).";
    return { reason: "unsupported-platform", message };
  }
  return missingPackage(name, root);
}

function missingPackage(name: string, root: string): Diagnosis {
  const install = `npm install --include=optional ${name}@${VERSION}`;
  const others = installed(root);
  if (others.length > 0) {
    const message =
      `The packages were installed for another platform (${others.join(", ")} is there, ${name} ` +
      `is not): remove node_modules and package-lock.json and install here, or run ${install}.`;
    return { reason: "other-platform", message };
  }
  if (omitsOptional()) {
    const message =
      `Optional dependencies are left out here (npm's "omit" setting), and ${name} is one: ` +
      `run ${install}.`;
    return { reason: "optional-omitted", message };
  }
  const message =
    `The package ${name}, which holds the addon, is not installed (a lockfile from another ` +
    `system and --omit=optional both cause this): run ${install}.`;
  return { reason: "package-missing", message };
}

/** Our packages of whatever platform, beside this one or above it. */
function installed(root: string): string[] {
  const folders = [join(root, "node_modules", "@keepstate"), join(root, "..", "@keepstate")];
  const names = folders.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  return names.map((name) => `@keepstate/${name}`);
}

function omitsOptional(): boolean {
  const { npm_config_omit: omit, npm_config_optional: optional } = process.env;
  return omit?.includes("optional") === true || optional === "false";
}
