// A process ends by itself when nothing is pending, not before what is pending has come, and at
// once when it is told to; worker threads come and go with calls under way.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import test from "ava";

import { inFolder } from "./_testing.js";

const SCRIPT = fileURLToPath(new URL("_exit.js", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly error: string;
  /** From the last line that the process wrote (or its start) to its end. */
  readonly milliseconds: number;
}

function run(scenario: string, env: Record<string, string> = {}): Promise<Ended> {
  return inFolder(
    (folder) =>
      new Promise<Ended>((resolve) => {
        let [out, error, since] = ["", "", Date.now()];
        const child = spawn(process.execPath, [SCRIPT, scenario, folder], {
          env: { ...process.env, ...env },
        });
        const stuck = setTimeout(() => child.kill("SIGKILL"), 30_000);
        child.stdout.on("data", (text) => {
          out += String(text);
          since = Date.now();
        });
        child.stderr.on("data", (text) => (error += String(text)));
        child.on("close", (code, signal) => {
          clearTimeout(stuck);
          resolve({ code, signal, out, error, milliseconds: Date.now() - since });
        });
      }),
  );
}

test.serial("a process with nothing pending ends by itself", async (t) => {
  const ended = await run("idle");
  t.is(ended.code, 0, ended.error);
  t.true(ended.milliseconds < 2000, `${ended.milliseconds} ms`);
});

test.serial("a process waits for what is pending, and then ends", async (t) => {
  const ended = await run("pending");
  t.is(ended.code, 0, ended.error);
  t.deepEqual(ended.out.trim().split("\n").sort(), ["acknowledged", "slept"]);
  t.true(ended.milliseconds < 2000, `${ended.milliseconds} ms`);
});

test.serial("an exit waits for nothing", async (t) => {
  const ended = await run("exits");
  t.is(ended.code, 7, ended.error);
  t.true(ended.milliseconds < 2000, `${ended.milliseconds} ms`);
});

test.serial("an uncaught error ends the process at once", async (t) => {
  const ended = await run("throws");
  t.is(ended.code, 1);
  t.regex(ended.error, /uncaught/);
  t.true(ended.milliseconds < 4000, `${ended.milliseconds} ms`);
});

test.serial("worker threads end, exit and are terminated with calls under way", async (t) => {
  const ended = await run("workers");
  t.is(ended.signal, null, ended.error);
  t.is(ended.code, 0, ended.error);
  t.regex(ended.out, /fifty workers/);
});

test.serial("the same where every buffer is copied and one thread does all", async (t) => {
  const ended = await run("workers", { KEEPSTATE_COPY: "1", KEEPSTATE_THREADS: "1" });
  t.is(ended.code, 0, ended.error);
});
