/** `keepstate why`: which paths of a state hold its bytes. */

import type { Rest, Weight } from "../../timeline/weight.js";
import type { Call, Command } from "../command.js";
import { size, table } from "../format.js";
import { openTarget, REF } from "../target.js";
import { numberOf } from "../values.js";

export const why: Command = {
  name: "why",
  summary: "Tell which paths of a state hold its bytes, the heaviest first.",
  details:
    "SIZE is how many bytes a value has, encoded; SHARE, how much of the state that is; STORED, " +
    "about how many of the store's bytes are its, compressed and shared with other snapshots.",
  arguments: [REF],
  flags: {
    depth: { takes: "NUMBER", short: "d", meaning: "how many names deep; 2 by default" },
    most: { takes: "NUMBER", short: "n", meaning: "so many parts of each value; 10 by default" },
  },
  examples: [
    "keepstate why planner/run-42@latest",
    "keepstate why planner/run-42 --depth 1 --json",
  ],
  run,
};

interface Row extends Rest {
  /** How deep it stands. */
  readonly level: number;
  readonly name: string;
  readonly path: string;
  readonly kind: string;
}

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const options = { depth: numberOf(call, "depth"), most: numberOf(call, "most"), signal };
  const { timeline, at } = await openTarget(call, "read");
  const weight = await timeline.why(at, options);
  if (call.has("json")) return terminal.json(weight);
  const rows = [...rowsOf(weight, 0)];
  const figures = rows.map(({ size: own, storedBytes, kind, count }) => [
    size(own),
    size(storedBytes),
    `${share(own, weight.size)}%`,
    kind === "object" || kind === "array" ? `${kind} of ${count}` : kind,
  ]);
  const { isInteractive } = terminal;
  const names = rows.map(({ level, name, path }) => (isInteractive ? indented(level, name) : path));
  const aligned = isInteractive ? toTheRight(figures, 3) : figures;
  const cells = aligned.map((figure, i) => [names[i] ?? "", ...figure]);
  return table(terminal, ["PATH", "SIZE", "STORED", "SHARE", "WHAT"], cells);
}

/** The tree as lines, each value above its parts. */
function* rowsOf(weight: Weight, level: number): Generator<Row> {
  const { path, kind, parts, rest } = weight;
  const name = level === 0 ? "(the whole state)" : weight.name;
  yield { ...weight, level, name, path: path || name };
  for (const part of parts) yield* rowsOf(part, level + 1);
  if (!rest) return;
  const more = `(${rest.count} more)`;
  const others = kind === "array" ? "elements" : "others";
  yield { ...rest, level: level + 1, name: more, path: `${path}/${more}`, kind: others };
}

function indented(level: number, name: string): string {
  return "  ".repeat(level) + name;
}

function share(part: number, whole: number): string {
  return whole === 0 ? "0" : ((part / whole) * 100).toFixed(1);
}

/** The first columns with their ends below each other. */
function toTheRight(rows: readonly (readonly string[])[], columns: number): string[][] {
  const width = (i: number): number => Math.max(...rows.map((row) => row[i]?.length ?? 0));
  const widths = Array.from({ length: columns }, (_, i) => width(i));
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i] ?? 0)));
}
