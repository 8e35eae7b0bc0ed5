/** `keepstate watch`: new snapshots as they come. */

import type { Watched } from "../../timeline/watch.js";
import type { Call, Command } from "../command.js";
import { snapshotRow } from "../format.js";
import { stateText } from "../state-text.js";
import { openWhole, TIMELINE } from "../target.js";
import { numberOf } from "../values.js";

export const watch: Command = {
  name: "watch",
  summary: "Print each new snapshot of a timeline as it is saved, until Ctrl-C.",
  details:
    "One line each, as list prints them; with --json one JSON text a line, and with --states the " +
    "states instead.",
  arguments: [TIMELINE],
  flags: {
    after: { takes: "NUMBER", meaning: "begin behind this number; 0: from the oldest" },
    limit: { takes: "NUMBER", short: "n", meaning: "end after so many" },
    interval: { takes: "MS", meaning: "milliseconds between two looks" },
    states: { meaning: "print states, each on a line" },
  },
  examples: [
    "keepstate watch planner/run-42",
    "keepstate watch planner/run-42 --after 0 --limit 10 --json",
    "keepstate watch planner/run-42 --states | jq .step",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const options = { after: numberOf(call, "after"), interval: numberOf(call, "interval"), signal };
  let left = numberOf(call, "limit") ?? Infinity;
  const timeline = await openWhole(call, "read", "watched");
  if (left === 0) return;
  for await (const snapshot of timeline.watch(options)) {
    if (snapshot.missed > 0 && !call.has("json")) {
      terminal.note(`${snapshot.missed} before ${snapshot.ref} were removed or hold no state`);
    }
    await terminal.line(await lineOf(call, snapshot));
    if (--left <= 0) return;
  }
}

async function lineOf(call: Call, snapshot: Watched<unknown>): Promise<string> {
  if (call.has("states")) return stateText(await snapshot.restore());
  return call.has("json") ? JSON.stringify(snapshot) : snapshotRow(snapshot).join("\t");
}
