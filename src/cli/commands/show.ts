/** `keepstate show`: what is known of a snapshot, without its state. */

import type { Snapshot } from "../../timeline/snapshot.js";
import type { Call, Command } from "../command.js";
import { size, time } from "../format.js";
import { stateText } from "../state-text.js";
import { openTarget, REF } from "../target.js";

export const show: Command = {
  name: "show",
  summary: "Show what is known of a snapshot, without its state.",
  arguments: [REF],
  flags: {},
  examples: ["keepstate show planner/run-42@17", "keepstate show planner/run-42 --json | jq .id"],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { timeline, at } = await openTarget(call, "read");
  const snapshot = await timeline.show(at, { signal: terminal.world.signal });
  if (call.has("json")) return terminal.json(snapshot);
  const pairs = describe(snapshot).filter(([, value]) => value !== undefined);
  const width = Math.max(...pairs.map(([name]) => name.length));
  for (const [name, value] of pairs) {
    await terminal.line(`${terminal.color("cyan", name.padEnd(width))}  ${value}`);
  }
}

function describe(snapshot: Snapshot): [name: string, value: string | undefined][] {
  const { metadata } = snapshot;
  return [
    ["ref", snapshot.ref],
    ["time", time(snapshot.time)],
    ["label", snapshot.label],
    ["description", snapshot.description],
    ["tags", snapshot.tags.join(" ") || undefined],
    ["size", size(snapshot.size)],
    ["stored", size(snapshot.storedBytes)],
    ["encoding", snapshot.encoding],
    ["schema", snapshot.schemaVersion],
    ["format", String(snapshot.format)],
    ["id", snapshot.id],
    ["parent", snapshot.parent],
    ["key", snapshot.idempotencyKey],
    ["metadata", metadata && stateText(metadata)],
  ];
}
