/** `keepstate delete`: a snapshot or a whole timeline goes. */

import { KeepstateError } from "../../errors.js";
import type { Call, Command } from "../command.js";
import { confirm } from "../input.js";
import { target } from "../target.js";

export const deleteCommand: Command = {
  name: "delete",
  summary: "Delete a timeline, or one of its snapshots.",
  details: "It asks first. Where nobody can be asked, --force is needed.",
  arguments: [
    {
      name: "ref",
      meaning: "agent/session for all of it, or with @17 for one snapshot",
      completes: "references",
    },
  ],
  flags: { force: { short: "f", meaning: "do not ask" } },
  examples: ["keepstate delete planner/run-42", "keepstate delete planner/run-42 --force"],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const { timeline, at } = target(await call.open(), call.arguments[0] ?? "");
  const name = `${timeline.ref}${at ?? ""}`;
  if (!call.has("force")) {
    if (!terminal.canAsk) {
      const message = `Nobody can be asked whether ${name} may go. Say so with --force.`;
      throw new KeepstateError("INVALID_ARGUMENT", message);
    }
    await timeline.show(at, { signal });
    const what = at === undefined ? `all snapshots of ${name}` : name;
    if (!(await confirm(`Delete ${what}? It cannot be brought back.`, terminal))) {
      throw new KeepstateError("ABORTED", "Nothing was deleted.");
    }
  }
  const count = at === undefined ? await timeline.delete() : await timeline.delete(at, { signal });
  if (call.has("json")) await terminal.json({ ref: name, deleted: count });
  else await terminal.line(`${name}: ${count} deleted`);
}
