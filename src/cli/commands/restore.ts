/** `keepstate restore`: the state of a snapshot, as JSON on standard output. */

import { KeepstateError } from "../../errors.js";
import type { Call, Command } from "../command.js";
import { writeOutput } from "../output.js";
import { stateText } from "../state-text.js";
import { openTarget, REF } from "../target.js";

export const restore: Command = {
  name: "restore",
  summary: "Print the state of a snapshot as JSON.",
  details: "Without @17, @latest or #tag it is the latest. A state that is bytes needs --raw.",
  arguments: [REF],
  flags: {
    output: { takes: "FILE", short: "o", meaning: "write to a file instead of standard output" },
    raw: { meaning: "the encoded bytes of the state, exactly as they are kept" },
  },
  examples: [
    "keepstate restore planner/run-42",
    "keepstate restore planner/run-42@17 | jq .messages",
    "keepstate restore planner/run-42#good --output state.json",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const { timeline, at } = await openTarget(call, "read");
  if (call.has("raw")) {
    return writeOutput(call, timeline.restoreStream(at, { signal }));
  }
  const { state, snapshot } = await timeline.restoreSnapshot(at, { signal });
  const style = terminal.isInteractive || call.has("output") ? "indented" : "compact";
  if (call.has("json")) {
    const head = JSON.stringify({ ...snapshot, metadata: undefined });
    const metadata = snapshot.metadata ? `,"metadata":${stateText(snapshot.metadata)}` : "";
    return writeOutput(call, [`${head.slice(0, -1)}${metadata},"state":${stateText(state)}}\n`]);
  }
  if (snapshot.encoding === "bytes") {
    const message = `${snapshot.ref} holds bytes and no JSON. Restore it with --raw.`;
    throw new KeepstateError("NOT_JSON", message);
  }
  return writeOutput(call, [`${stateText(state, style)}\n`]);
}
