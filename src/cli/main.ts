#!/usr/bin/env node
/** The executable: connects the run to this process. */

import { run } from "./run.js";

const stop = new AbortController();
let readers = true;

// The first Ctrl-C lets the call end cleanly, the second ends the process.
process.once("SIGINT", () => stop.abort(new Error("interrupted")));
// Whoever read the answer has gone (a pipe into head): nothing is left to tell, and that is no
// error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  readers = false;
  stop.abort(error);
});
process.stderr.on("error", () => undefined);

const exit = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  signal: stop.signal,
});
// A pipe that nobody writes to any more must not keep the process.
process.stdin.destroy();
process.exitCode = readers ? exit : 0;
