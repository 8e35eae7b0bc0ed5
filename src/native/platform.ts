// What this machine is, in the words that names of addons and of platform packages use.

import { existsSync, readdirSync } from "node:fs";

/** The C library of a Linux; other systems have only one. */
export type Libc = "gnu" | "musl" | undefined;

/** What decides which addon fits. */
export interface Host {
  readonly platform: string;
  readonly arch: string;
  readonly libc: Libc;
  /** The version of glibc, where that is what runs. */
  readonly glibc: string | undefined;
  readonly node: string;
}

/** This machine. */
export function host(): Host {
  const { platform, arch } = process;
  const glibc = platform === "linux" ? glibcVersion() : undefined;
  const libc = platform !== "linux" ? undefined : isMusl(glibc) ? "musl" : "gnu";
  return { platform, arch, libc, glibc, node: process.versions.node };
}

/** `linux-x64-gnu`, `darwin-arm64`, ... */
export function triple({ platform, arch, libc }: Host): string {
  return libc === undefined ? `${platform}-${arch}` : `${platform}-${arch}-${libc}`;
}

/** From the process report: it costs a millisecond, and needs no child process. */
function glibcVersion(): string | undefined {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  if (typeof report?.getReport !== "function") return undefined;
  const before = report.excludeNetwork;
  report.excludeNetwork = true; // else it looks up the name of each open connection
  try {
    const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = before ?? false;
  }
}

function isMusl(glibc: string | undefined): boolean {
  if (glibc !== undefined || !existsSync("/lib")) return false;
  return readdirSync("/lib").some((name) => name.startsWith("ld-musl-"));
}
