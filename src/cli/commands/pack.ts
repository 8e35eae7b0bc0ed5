/** `keepstate pack`: few large values instead of many small ones. */

import type { Call, Command } from "../command.js";
import { count, size } from "../format.js";
import { Progress } from "../progress.js";
import { openTarget, TIMELINE } from "../target.js";
import { numberOf } from "../values.js";

export const pack: Command = {
  name: "pack",
  summary: "Make few large values of a timeline's many small ones.",
  details:
    "Packed, a timeline takes less room and its old snapshots are read faster. Saves pack in the " +
    "background by themselves (packing = auto); this packs everything, as tightly as it goes.",
  arguments: [TIMELINE],
  flags: { level: { takes: "NUMBER", meaning: "how hard it compresses, 1 to 19; 15 by default" } },
  examples: ["keepstate pack planner/run-42", "keepstate pack planner/run-42 --level 19"],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const level = numberOf(call, "level");
  const { timeline } = await openTarget(call, "write");
  const progress = new Progress(terminal, `pack: ${timeline.ref}`);
  const packing = timeline.pack({ level, signal: terminal.world.signal });
  const packed = await packing.finally(() => progress.end());
  if (call.has("json")) return terminal.json({ ref: timeline.ref, ...packed });
  const { values, valuesBefore, writtenBytes } = packed;
  const became = `${count(valuesBefore, "value")} became ${values}`;
  return terminal.line(`${timeline.ref}: ${became}, ${size(writtenBytes)} written`);
}
