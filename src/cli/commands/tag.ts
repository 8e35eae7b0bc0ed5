/** `keepstate tag`: names for snapshots. */

import { KeepstateError } from "../../errors.js";
import type { Call, Command } from "../command.js";
import { table } from "../format.js";
import { openTarget, type Target, TIMELINE } from "../target.js";

export const tag: Command = {
  name: "tag",
  summary: "Name a snapshot, take a name away, or list names.",
  details:
    "A tag holds what it names: prune leaves it. It moves only where that is said, by --from or " +
    "--move.",
  arguments: [
    TIMELINE,
    { name: "name", meaning: "the tag; left out: all tags are listed", optional: true },
    { name: "ref", meaning: "the snapshot, as @17; the latest where left out", optional: true },
  ],
  flags: {
    from: { takes: "REF", meaning: "only if the tag names this snapshot now" },
    move: { meaning: "from wherever the tag is" },
    delete: { short: "d", meaning: "take the name away" },
  },
  examples: [
    "keepstate tag planner/run-42",
    "keepstate tag planner/run-42 good @17",
    "keepstate tag planner/run-42 good @18 --from @17",
    "keepstate tag planner/run-42 good --delete",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const [, name, ref] = call.arguments;
  const goes = call.has("delete");
  if (goes && (name === undefined || ref !== undefined || call.has("move"))) {
    const message = "--delete takes the name of a tag alone: keepstate tag planner/run-42 good -d";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  if (name === undefined) return list(call, await openTarget(call, "read"));
  const target = await openTarget(call, "write");
  return goes ? remove(call, target, name) : set(call, target, name);
}

async function list(call: Call, { timeline }: Target): Promise<void> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const tags = await timeline.tags({ signal });
  if (tags.length === 0) await timeline.show(undefined, { signal });
  if (call.has("json")) return terminal.json(tags);
  return table(terminal, ["TAG", "REF"], tags.map(({ name, ref }) => [name, ref]));
}

async function set(call: Call, { timeline, at }: Target, name: string): Promise<void> {
  const { signal } = call.terminal.world;
  const options = { from: call.get("from"), move: call.has("move"), signal };
  const snapshot = await timeline.tag(name, call.arguments[2] ?? at, options);
  if (call.has("json")) return call.terminal.json(snapshot);
  return call.terminal.line(`${name}\t${snapshot.ref}`);
}

async function remove(call: Call, { timeline }: Target, name: string): Promise<void> {
  const { signal } = call.terminal.world;
  const gone = await timeline.untag(name, { from: call.get("from"), signal });
  if (call.has("json")) return call.terminal.json(gone);
  return call.terminal.line(`${gone.ref} is no longer ${name}`);
}
