/** `keepstate import`: a timeline from a file. */

import { timelineName } from "../../timeline/reference.js";
import type { Call, Command } from "../command.js";
import { count, size } from "../format.js";
import { openInput } from "../input.js";
import { Progress } from "../progress.js";

export const importCommand: Command = {
  name: "import",
  summary: "Make a timeline of a file that keepstate export wrote.",
  details:
    "All of it is proven before anything counts; an import that fails leaves nothing. Where the " +
    "timeline is there already, the file must go on from its end.",
  arguments: [
    { name: "timeline", meaning: "its name here, as agent/session", completes: "references" },
    {
      name: "file",
      meaning: "where it is; standard input where it is - or left out",
      optional: true,
      completes: "files",
    },
  ],
  flags: {},
  examples: [
    "keepstate import planner/run-42 run-42.timeline",
    "cat run-42.timeline | keepstate import planner/run-42-b -",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const [reference = "", file] = call.arguments;
  const name = timelineName(reference);
  const missing = "There is nothing to import. Name a file, or pipe one in: ... < run.timeline";
  const source = await openInput({ name: file, missing }, terminal);
  const ks = await call.open("create");
  const progress = new Progress(terminal, `import: ${reference}`);
  const importing = ks.import(name, source, {
    signal: terminal.world.signal,
    onProgress: (at) => progress.tell(`${count(at.snapshots, "snapshot")}, ${size(at.bytes)}`),
  });
  const imported = await importing.finally(() => progress.end());
  if (call.has("json")) return terminal.json(imported);
  const { snapshot, snapshots, bytes } = imported;
  return terminal.line(`${snapshot.ref}: ${count(snapshots, "snapshot")} came, ${size(bytes)}`);
}
