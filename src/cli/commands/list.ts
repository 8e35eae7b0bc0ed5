/** `keepstate list`: the timelines of a store, or the snapshots of a timeline. */

import type { TimelineEntry } from "../../timeline/names.js";
import type { Snapshot } from "../../timeline/snapshot.js";
import type { Call, Command } from "../command.js";
import { snapshotHead, snapshotRow, table } from "../format.js";
import { openTarget } from "../target.js";
import { numberOf } from "../values.js";

export const list: Command = {
  name: "list",
  summary: "List timelines, or the snapshots of one.",
  details:
    "On a terminal it is a table; in a pipe, one line each with tabs between the columns " +
    "(name, time, size, stored bytes, label, tags).",
  arguments: [
    {
      name: "timeline",
      meaning: "agent/session; left out, or agent/ alone, for timelines",
      optional: true,
      completes: "references",
    },
  ],
  flags: {
    after: { takes: "NUMBER", meaning: "only snapshots with a greater number" },
    before: { takes: "NUMBER", meaning: "only snapshots with a smaller number" },
    limit: { takes: "NUMBER", short: "n", meaning: "at most so many" },
    reverse: { short: "r", meaning: "the newest first" },
    tag: { takes: "NAME", meaning: "only what this tag names; * stands for any text" },
  },
  examples: [
    "keepstate list",
    "keepstate list planner/run-42 --reverse --limit 10",
    "keepstate list planner/run-42 --json | jq '.[].label'",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const [reference = ""] = call.arguments;
  return /\/./.test(reference) ? snapshots(call) : timelines(call, reference);
}

async function timelines(call: Call, prefix: string): Promise<void> {
  const { terminal } = call;
  const limit = numberOf(call, "limit") ?? Infinity;
  const ks = await call.open("read");
  const found: TimelineEntry[] = [];
  for await (const entry of ks.timelines(prefix, { signal: terminal.world.signal })) {
    if (found.length >= limit) break;
    found.push(entry);
    if (!call.has("json")) await terminal.line(entry.ref);
  }
  if (call.has("json")) await terminal.json(found);
}

async function snapshots(call: Call): Promise<void> {
  const { terminal } = call;
  const found: Snapshot[] = [];
  const options = {
    after: numberOf(call, "after"),
    before: numberOf(call, "before"),
    limit: numberOf(call, "limit"),
    reverse: call.has("reverse"),
    tagged: call.get("tag"),
    signal: terminal.world.signal,
  };
  const { timeline } = await openTarget(call, "read");
  for await (const snapshot of timeline.list(options)) found.push(snapshot);
  if (found.length === 0) await timeline.show(undefined, { signal: options.signal });
  if (call.has("json")) return terminal.json(found);
  return table(terminal, snapshotHead, found.map(snapshotRow));
}
