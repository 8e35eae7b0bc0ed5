/** `keepstate diff`: what one state changed against another. */

import { apply, valueAt } from "../../patch/apply.js";
import { diff, type Operation } from "../../patch/diff.js";
import {
  type DiffEntry,
  type DiffSide,
  type Sides,
  summarize,
} from "../../patch/summary.js";
import { encodedSize } from "../../timeline/sizes.js";
import type { Call, Command } from "../command.js";
import { clip, size, table } from "../format.js";
import { stateText } from "../state-text.js";
import { openPair } from "../target.js";
import type { Terminal } from "../terminal.js";
import { numberOf } from "../values.js";

export const diffCommand: Command = {
  name: "diff",
  summary: "Show what changed between two states.",
  details:
    "Each line is one change: + added, - removed, ~ changed, with its JSON pointer. --json gives " +
    "a JSON Patch (RFC 6902) that turns the first state into the second.",
  arguments: [
    { name: "from", meaning: "the state before, as agent/session@3", completes: "references" },
    {
      name: "to",
      meaning: "the state after, as @17 or any reference; the latest where left out",
      optional: true,
      completes: "references",
    },
  ],
  flags: {
    "exit-code": { meaning: "exit with 1 where the states differ" },
    summary: { meaning: "by path: what came, went or changed, and how large it is" },
    depth: { takes: "NUMBER", meaning: "with --summary: how many names deep; 1 by default" },
  },
  examples: [
    "keepstate diff planner/run-42@3 @17",
    "keepstate diff planner/run-42@3 planner/run-43@3",
    "keepstate diff planner/run-42@3 --json > changes.json",
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const pair = await openPair(call, "read");
  const [before, after] = await Promise.all(
    pair.map(({ timeline, at }) => timeline.restore(at, { signal })),
  );
  if (call.has("summary")) return summary(call, [before, after]);
  const patch = diff(before, after);
  const style = terminal.isInteractive ? "indented" : "compact";
  if (call.has("json")) await terminal.line(stateText(patch, style));
  else await print(terminal, patch, before);
  return call.has("exit-code") && patch.length > 0 ? 1 : 0;
}

async function summary(call: Call, sides: Sides<unknown>): Promise<number> {
  const { terminal } = call;
  const depth = numberOf(call, "depth") ?? 1;
  const entries = summarize(sides, { depth, sizeOf: encodedSize });
  if (call.has("json")) await terminal.json(entries);
  else await table(terminal, ["PATH", "KIND", "BEFORE", "AFTER", "CHANGES"], entries.map(row));
  return call.has("exit-code") && entries.length > 0 ? 1 : 0;
}

function row({ path, kind, before, after, changes }: DiffEntry): string[] {
  return [path || "(the whole state)", kind, side(before), side(after), String(changes)];
}

function side(side: DiffSide | undefined): string {
  if (!side) return "";
  const counted = side.count === undefined ? side.type : `${side.type} of ${side.count}`;
  return side.size === undefined ? counted : `${counted}, ${size(side.size)}`;
}

/** The patch is applied as it is printed, since each pointer counts in the state at its turn. */
async function print(
  terminal: Terminal,
  patch: readonly Operation[],
  before: unknown,
): Promise<void> {
  let state = before;
  for (const operation of patch) {
    for (const line of lines(operation, state)) {
      await terminal.line(terminal.color(line.color, clip(line.text, terminal.width)));
    }
    state = apply(state, [operation]);
  }
}

interface Line {
  readonly color: "green" | "red" | "yellow";
  readonly text: string;
}

function lines(operation: Operation, state: unknown): Line[] {
  const path = operation.path || "(the whole state)";
  switch (operation.op) {
    case "add":
      return [{ color: "green", text: `+ ${path}: ${stateText(operation.value)}` }];
    case "remove":
      return [{ color: "red", text: `- ${path}: ${stateText(valueAt(state, operation.path))}` }];
    default: {
      const old = stateText(valueAt(state, operation.path));
      const value = "value" in operation ? stateText(operation.value) : "";
      if (old.length + value.length < 60) {
        return [{ color: "yellow", text: `~ ${path}: ${old} -> ${value}` }];
      }
      return [
        { color: "yellow", text: `~ ${path}` },
        { color: "red", text: `  - ${old}` },
        { color: "green", text: `  + ${value}` },
      ];
    }
  }
}
