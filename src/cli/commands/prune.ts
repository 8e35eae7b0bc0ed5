/** `keepstate prune`: snapshots that no rule keeps go. */

import { KeepstateError } from "../../errors.js";
import type { Pruned, PrunedRun, StaysBecause } from "../../timeline/upkeep.js";
import type { Call, Command } from "../command.js";
import { count, size, table } from "../format.js";
import { openTarget, TIMELINE } from "../target.js";
import { numberOf } from "../values.js";

const REASONS: Readonly<Record<StaysBecause, string>> = {
  last: "one of the newest",
  tag: "has a tag",
  young: "not old enough",
  every: "its number",
  fork: "a fork shows it",
  shared: "lies in the timeline that this one was forked from",
  open: "lies in a value that is still written to",
};

export const prune: Command = {
  name: "prune",
  summary: "Remove snapshots that no rule keeps, and tell what goes, what stays and why.",
  details:
    "At least one rule is needed. The latest always stays, and so does what a fork shows. Try it " +
    "with --dry-run: nothing is changed then.",
  arguments: [TIMELINE],
  flags: {
    "keep-last": { takes: "NUMBER", short: "n", meaning: "so many of the newest stay" },
    "keep-every": { takes: "NUMBER", meaning: "those stay whose number it divides" },
    "older-than": { takes: "AGE", meaning: "only what is older goes: 30d, 12h, or a date" },
    "keep-tagged": { meaning: "what has a tag stays (the default); alone: nothing else does" },
    "drop-tagged": { meaning: "what has a tag goes as any other, and its tags with it" },
    "dry-run": { meaning: "only tell what would be" },
  },
  examples: [
    "keepstate prune planner/run-42 --keep-last 100 --dry-run",
    "keepstate prune planner/run-42 --older-than 30d --keep-every 50",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  if (call.has("keep-tagged") && call.has("drop-tagged")) {
    const message = "--keep-tagged and --drop-tagged exclude each other. Give one of them.";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  const age = call.get("older-than");
  const tagged = call.has("keep-tagged") ? true : undefined;
  const options = {
    keepLast: numberOf(call, "keep-last"),
    keepEvery: numberOf(call, "keep-every"),
    olderThan: age !== undefined && /^\d{4}-/.test(age) ? new Date(age) : age,
    keepTagged: call.has("drop-tagged") ? false : tagged,
    dryRun: call.has("dry-run"),
    signal: terminal.world.signal,
  };
  const { timeline } = await openTarget(call, options.dryRun ? "read" : "write");
  const pruned = await timeline.prune(options);
  if (call.has("json")) return terminal.json({ ref: timeline.ref, ...pruned });
  await terminal.line(told(call, timeline.ref, pruned));
  return table(terminal, ["RUN", "SNAPSHOTS", "FATE", "WHY"], pruned.runs.map(row));
}

function told(call: Call, ref: string, { removed, kept, freedBytes }: Pruned): string {
  const goes = call.has("dry-run") ? "would go" : "went";
  return `${ref}: ${count(removed, "snapshot")} ${goes} (${size(freedBytes)}), ${kept} stay`;
}

function row(run: PrunedRun): string[] {
  const { from, to, count: many } = run;
  const name = from === to ? from : `${from} to ${to}`;
  const fate = run.stays ? ["stays", REASONS[run.because]] : ["goes", ""];
  return [name, String(many), ...fate];
}
