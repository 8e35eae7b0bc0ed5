/** `keepstate stats`: figures of the store. */

import type { Call, Command } from "../command.js";
import { size } from "../format.js";

export const stats: Command = {
  name: "stats",
  summary: "Show figures of the store.",
  arguments: [],
  flags: {},
  examples: ["keepstate stats", "keepstate stats --store dir:./files --json"],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const figures = await (await call.open("read")).stats();
  if (call.has("json")) return terminal.json(figures);
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  for (const [name, figure] of Object.entries(figures)) {
    const shown = /bytes$/i.test(name) && terminal.isInteractive ? size(Number(figure)) : figure;
    await terminal.line(`${terminal.color("cyan", name.padEnd(width))}  ${shown}`);
  }
}
