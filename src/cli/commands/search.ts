/** `keepstate search`: snapshots by what they tell of themselves. */

import type { Snapshot } from "../../timeline/snapshot.js";
import type { Call, Command } from "../command.js";
import { snapshotHead, snapshotRow, table } from "../format.js";
import { openTarget } from "../target.js";
import { metadataOf, numberOf } from "../values.js";

export const search: Command = {
  name: "search",
  summary: "Find snapshots by label, text, tag, time or metadata.",
  details: "All that is given must hold. In labels, tags and names * stands for any text.",
  arguments: [
    {
      name: "timeline",
      meaning: "agent/session; agent/ alone, or left out, for all timelines",
      optional: true,
      completes: "references",
    },
  ],
  flags: {
    label: { takes: "TEXT", short: "l", meaning: "the label" },
    text: { takes: "TEXT", meaning: "what occurs in the label or the description" },
    tag: { takes: "NAME", meaning: "a tag" },
    since: { takes: "TIME", meaning: "saved then or later: 2026-01-31, or 2h for so long ago" },
    until: { takes: "TIME", meaning: "saved then or earlier" },
    meta: { takes: "NAME=VALUE", many: true, meaning: "metadata; may be given several times" },
    agent: { takes: "NAME", meaning: "only agents of this name" },
    session: { takes: "NAME", meaning: "only sessions of this name" },
    limit: { takes: "NUMBER", short: "n", meaning: "at most so many" },
    reverse: { short: "r", meaning: "the newest of each timeline first" },
  },
  examples: [
    'keepstate search planner/run-42 --label "after *"',
    "keepstate search --tag 'release-*' --since 7d",
    "keepstate search planner/ --meta kind=screenshot --json",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const [reference = ""] = call.arguments;
  const metadata = metadataOf(call);
  const options = {
    label: call.get("label"),
    text: call.get("text"),
    tag: call.get("tag"),
    since: call.get("since"),
    until: call.get("until"),
    metadata: metadata && Object.fromEntries(Object.entries(metadata).map(asText)),
    limit: numberOf(call, "limit"),
    reverse: call.has("reverse"),
    signal: terminal.world.signal,
  };
  const names = { agent: call.get("agent"), session: call.get("session") };
  const isOne = /\/./.test(reference);
  const found: Snapshot[] = [];
  const results = isOne
    ? (await openTarget(call, "read")).timeline.search(options)
    : (await call.open("read")).search({ ...options, ...names, prefix: reference });
  for await (const snapshot of results) found.push(snapshot);
  if (call.has("json")) return terminal.json(found);
  return table(terminal, snapshotHead, found.map(snapshotRow));
}

/** On the command line everything is text, and numbers are meant as they are written. */
function asText([name, wanted]: [string, string]): [string, (value: unknown) => boolean] {
  return [name, (value) => String(value) === wanted];
}
