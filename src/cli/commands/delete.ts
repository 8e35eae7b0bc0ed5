/** `keepstate delete`: a snapshot or a whole timeline goes. */

import { KeepstateError } from "../../errors.js";
import type { Call, Command } from "../command.js";
import { count } from "../format.js";
import { confirm } from "../input.js";
import { openWhole, TIMELINE } from "../target.js";

export const deleteCommand: Command = {
  name: "delete",
  summary: "Delete a timeline with all its snapshots.",
  details: "It asks first. Where nobody can be asked, --force is needed.",
  arguments: [TIMELINE],
  flags: { force: { short: "f", meaning: "do not ask" } },
  examples: ["keepstate delete planner/run-42", "keepstate delete planner/run-42 --force"],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const timeline = await openWhole(call, "write", "deleted");
  const name = timeline.ref;
  if (!call.has("force")) {
    if (!terminal.canAsk) {
      const message = `Nobody can be asked whether ${name} may go. Say so with --force.`;
      throw new KeepstateError("INVALID_ARGUMENT", message);
    }
    await timeline.show(undefined, { signal });
    const question = `Delete all snapshots of ${name}? They cannot be brought back.`;
    if (!(await confirm(question, terminal))) {
      throw new KeepstateError("ABORTED", "Nothing was deleted.");
    }
  }
  const deleted = await timeline.delete({ signal });
  if (call.has("json")) return terminal.json({ ref: name, ...deleted });
  await terminal.line(`${name}: ${count(deleted.snapshots, "snapshot")} deleted`);
  const { forks } = deleted;
  if (forks.length > 0) await terminal.line(`What these forks show stays: ${forks.join(", ")}`);
}
