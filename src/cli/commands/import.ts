/** `keepstate import`: a timeline from a file. */

import { KeepstateError } from "../../errors.js";
import { timelineName } from "../../timeline/reference.js";
import type { Call, Command } from "../command.js";
import { count, size } from "../format.js";
import { streamInput } from "../input.js";
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
  if (file === undefined && terminal.world.stdin.isTTY) {
    const message = "There is nothing to import. Name a file, or pipe one in: ... < run.timeline";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  // What cannot be read makes no store.
  const source = await begun(streamInput(file ?? "-", terminal));
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

/** The same pieces, of which the first was read. */
async function begun(pieces: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await pieces.next();
  async function* all(): AsyncGenerator<Uint8Array> {
    if (first.done) return;
    yield first.value;
    yield* pieces;
  }
  return all();
}
