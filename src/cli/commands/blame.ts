/** `keepstate blame`: which snapshot last changed a value. */

import type { Blame } from "../../timeline/results.js";
import type { Call, Command } from "../command.js";
import { time } from "../format.js";
import { openTarget, REF } from "../target.js";

const DID: Readonly<Record<Blame["did"], string>> = {
  add: "added it",
  change: "changed it",
  remove: "removed it",
  oldest: "is the oldest, and has it",
};

export const blame: Command = {
  name: "blame",
  summary: "Tell which snapshot last changed a value.",
  details: "It looks back from the snapshot that is named, or from the latest.",
  arguments: [
    REF,
    { name: "pointer", meaning: "where the value is, as a JSON pointer: /messages/0" },
  ],
  flags: {},
  examples: [
    "keepstate blame planner/run-42 /messages/0",
    "keepstate blame planner/run-42@17 /plan --json | jq .snapshot.label",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { timeline, at } = await openTarget(call, "read");
  const pointer = call.arguments[1] ?? "";
  const { did, snapshot } = await timeline.blame(at, pointer, { signal: terminal.world.signal });
  if (call.has("json")) return terminal.json({ did, snapshot });
  const cells = [snapshot.ref, DID[did], time(snapshot.time), snapshot.label ?? ""];
  return terminal.line(cells.join(terminal.isInteractive ? "  " : "\t").trimEnd());
}
