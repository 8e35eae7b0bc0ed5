/** `keepstate fork`: another timeline that goes on from a snapshot. */

import { timelineName } from "../../timeline/reference.js";
import type { Call, Command } from "../command.js";
import { openTarget } from "../target.js";

export const fork: Command = {
  name: "fork",
  summary: "Make another timeline that goes on from a snapshot, and print where it begins.",
  details: "Nothing is copied: the fork shares the history up to that snapshot.",
  arguments: [
    {
      name: "from",
      meaning: "the snapshot, as agent/session@17; the latest of a timeline",
      completes: "references",
    },
    { name: "to", meaning: "the new timeline, as agent/session", completes: "references" },
  ],
  flags: {},
  examples: [
    "keepstate fork planner/run-42 planner/run-42-b",
    "keepstate fork planner/run-42@17 planner/run-42-b",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { signal } = call.terminal.world;
  const name = timelineName(call.arguments[1] ?? "");
  const { timeline, at } = await openTarget(call, "write");
  const made = await timeline.fork(name, at, { signal });
  const snapshot = await made.show(undefined, { signal });
  if (call.has("json")) await call.terminal.json(snapshot);
  else await call.terminal.line(snapshot.ref);
}
