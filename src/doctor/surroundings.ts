/** What this process runs on, and which addon it has, in sentences. */

import { load } from "../native/load.js";
import { host, triple } from "../native/platform.js";
import { VERSION } from "../version.js";

/** The runtime, the system and the package. */
export function describeRuntime(): string {
  const machine = host();
  const { versions } = process;
  const other = (["bun", "deno"] as const).find((name) => versions[name]);
  const name = other ? `${other} ${versions[other]}` : `Node.js ${versions.node}`;
  const libc = machine.glibc ? `, glibc ${machine.glibc}` : "";
  return `${name} on ${triple(machine)}${libc}, keepstate ${VERSION}`;
}

/** The addon that is loaded. Throws NATIVE_LOAD, with what to do, where there is none. */
export function describeAddon(): string {
  const { addon, path } = load();
  return `${addon.version()} from ${path}`;
}
