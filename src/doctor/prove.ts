/** Proves that a store works, by a round trip that leaves nothing behind. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { KeepstateError } from "../errors.js";
import { systemClock } from "../ports/clock.js";
import type { Parameters } from "../ports/scheme.js";
import type { Store } from "../ports/store.js";
import { openAddress, parseAddress, redactUrl } from "../schemes.js";

/** Puts, gets, lists and deletes one key, and tells how it went. Throws what failed. */
export async function proveStore(url: string, defaults: Parameters): Promise<string> {
  const address = parseAddress(url);
  const isFolder = address.scheme !== "memory";
  if (!isFolder || existsSync(address.location)) {
    return `${redactUrl(url)}: ${await roundTrip(await openAddress(address, defaults))}`;
  }
  // Opening would make the folder; a folder of our own in its place proves the same.
  const folder = await mkdtemp(join(nearestFolder(address.location), ".keepstate-doctor-"));
  try {
    const store = await openAddress({ ...address, location: join(folder, "store") }, defaults);
    return `${redactUrl(url)} is not there yet; a new one beside it: ${await roundTrip(store)}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function roundTrip(store: Store): Promise<string> {
  const { kind, durable } = store.supports;
  const key = `keepstate/doctor/${Buffer.from(systemClock.random(8)).toString("hex")}`;
  const value = systemClock.random(1000);
  const begun = systemClock.now();
  try {
    await store.put(key, value);
    const found = await store.get(key);
    const listed = await firstKey(store, key);
    await store.delete(key);
    const gone = (await store.get(key)) === undefined;
    if (!found || Buffer.compare(found.value, value) !== 0 || listed !== key || !gone) {
      const message = `The ${kind} store did not give back what was put. Run keepstate verify.`;
      throw new KeepstateError("CORRUPT", message, { key });
    }
  } finally {
    await store.close();
  }
  const took = systemClock.now() - begun;
  return `${kind}, put, got, listed and deleted in ${took} ms; durable: ${durable}`;
}

async function firstKey(store: Store, prefix: string): Promise<string | undefined> {
  for await (const { key } of store.list(prefix, { limit: 1 })) return key;
  return undefined;
}

/** The folder that a path would be made in. */
function nearestFolder(path: string): string {
  let folder = dirname(resolve(path));
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
