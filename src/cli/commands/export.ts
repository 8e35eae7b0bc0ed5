/** `keepstate export`: a timeline as one file. */

import { KeepstateError } from "../../errors.js";
import type { Call, Command } from "../command.js";
import { size } from "../format.js";
import { writeOutput } from "../output.js";
import { Progress } from "../progress.js";
import { openWhole, TIMELINE } from "../target.js";
import { numberOf } from "../values.js";

export const exportCommand: Command = {
  name: "export",
  summary: "Write a timeline to one file, with its tags and all that proves it.",
  details:
    "keepstate import makes a timeline of it, in any store and under any name. The file has its " +
    "name only when it is whole.",
  arguments: [TIMELINE],
  flags: {
    output: {
      takes: "FILE",
      short: "o",
      meaning: "where to; standard output where it is - or left out",
    },
    after: { takes: "NUMBER", meaning: "only what a copy that ends with this number lacks" },
  },
  examples: [
    "keepstate export planner/run-42 --output run-42.timeline",
    "keepstate export planner/run-42 | ssh there keepstate import planner/run-42 -",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  if (terminal.isInteractive && call.get("output") === undefined) {
    const message = "What export gives is no text. Name a file with --output, or pipe it on.";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  const after = numberOf(call, "after");
  const timeline = await openWhole(call, "read", "exported");
  const progress = new Progress(terminal, `export: ${timeline.ref}`);
  let bytes = 0;
  async function* parts(): AsyncGenerator<Uint8Array> {
    for await (const part of timeline.export({ after, signal: terminal.world.signal })) {
      yield part;
      bytes += part.length;
      progress.tell(size(bytes));
    }
  }
  await writeOutput(call, parts()).finally(() => progress.end());
  const path = call.get("output") ?? "-";
  if (path === "-") return;
  if (call.has("json")) return terminal.json({ ref: timeline.ref, path, bytes });
  return terminal.line(`${timeline.ref}: ${size(bytes)} in ${path}`);
}
