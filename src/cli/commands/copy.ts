/** `keepstate copy`: a timeline goes to another store. */

import { KeepstateError } from "../../errors.js";
import { timelineName } from "../../timeline/reference.js";
import type { Call, Command } from "../command.js";
import { count, size } from "../format.js";
import { Progress } from "../progress.js";
import { openWhole, TIMELINE } from "../target.js";

export const copy: Command = {
  name: "copy",
  summary: "Copy a timeline to another store, going on where an earlier copy ended.",
  details:
    "A copy that was interrupted is made by the same command again. The store it goes to is made " +
    "if it is not there.",
  arguments: [TIMELINE],
  flags: {
    to: { takes: "URL", meaning: "the other store: a path, a URL, or a name of [stores]" },
    as: { takes: "NAME", meaning: "the copy's name, as agent/session; the same where left out" },
  },
  examples: [
    "keepstate copy planner/run-42 --to ./archive",
    "keepstate copy planner/run-42 --to dir:./files --as planner/run-42-copy",
  ],
  run,
};

async function run(call: Call): Promise<void> {
  const { terminal } = call;
  const to = call.get("to");
  if (to === undefined) {
    const message = "keepstate copy needs --to URL: the store that the copy goes to.";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  const as = call.get("as");
  const name = as === undefined ? undefined : timelineName(as);
  const timeline = await openWhole(call, "read", "copied");
  // What is not there is copied nowhere, and makes no store.
  await timeline.show(undefined, { signal: terminal.world.signal });
  const target = await call.open("create", to);
  const progress = new Progress(terminal, `copy: ${timeline.ref}`);
  const copying = timeline.copyTo(target, {
    name,
    signal: terminal.world.signal,
    onProgress: (at) => progress.tell(`${count(at.snapshots, "snapshot")}, ${size(at.bytes)}`),
  });
  const copied = await copying.finally(() => progress.end());
  if (call.has("json")) return terminal.json(copied);
  const { snapshot, snapshots, bytes, after } = copied;
  if (snapshots === 0) return terminal.line(`${snapshot.ref}: nothing new to copy`);
  const since = after > 0 ? ` behind @${after}` : "";
  return terminal.line(`${snapshot.ref}: ${count(snapshots, "snapshot")}${since}, ${size(bytes)}`);
}
