// Run by exit.test.ts in processes of their own: each scenario leaves calls under way.

import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

import { settled, value } from "../../src/native/record.js";
import { addon } from "./_testing.js";

const BYTES = new Uint8Array(1000);

const scenarios: Record<string, (folder: string) => Promise<void> | void> = {
  /** Nothing pending: the loaded addon must not keep the process. */
  idle: async () => {
    await settled(addon.digest("blake3", BYTES));
    value(addon.openMemory()).put("a", BYTES);
  },
  /** The process must live until what it waits for has come, and say so. */
  pending: async (folder) => {
    const store = value(await addon.openLog(folder, {}));
    void settled(store.put("a", BYTES)).then(() => console.log("acknowledged"));
    void addon.testSleep(200).then(() => console.log("slept"));
  },
  /** An open store, a long call and a commit under way do not hold up an exit. */
  exits: async (folder) => {
    const store = value(await addon.openLog(folder, {}));
    void store.put("a", BYTES);
    void addon.testSleep(5000);
    await Promise.resolve();
    console.log("exiting");
    exit(7);
  },
  /** The same by a throw. */
  throws: async (folder) => {
    const store = value(await addon.openLog(folder, {}));
    void store.put("a", BYTES);
    void addon.testSleep(5000);
    setImmediate(() => {
      throw new Error("uncaught");
    });
  },
  /** Worker threads that end, exit and are terminated with calls under way. */
  workers: async () => {
    await settled(addon.digest("blake3", BYTES));
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 5 }, (_, i) => worker(round * 5 + i)));
    }
    console.log("fifty workers");
  },
};

async function worker(number: number): Promise<void> {
  const way = ["ends", "exits", "terminated"][number % 3] ?? "";
  const thread = new Worker(fileURLToPath(import.meta.url), { argv: [way] });
  const ended = new Promise<void>((resolve, reject) => {
    thread.on("exit", () => resolve());
    thread.on("error", reject);
  });
  if (way === "terminated") {
    await new Promise((resolve) => thread.once("message", resolve));
    await thread.terminate();
  }
  await ended;
}

async function inWorker(way: string): Promise<void> {
  const store = value(addon.openMemory());
  const calls = Array.from({ length: 200 }, () => addon.digest("blake3", BYTES));
  const all = Promise.all([...calls, addon.testSleep(20), store.close()]);
  await Promise.resolve();
  parentPort?.postMessage("under way");
  if (way === "ends") await all;
  if (way === "exits") exit(0);
  if (way === "terminated") setInterval(() => addon.digest("blake3", BYTES), 1);
}

const [name = "", folder = ""] = argv.slice(2);
await (isMainThread ? scenarios[name]?.(folder) : inWorker(name));
