/** `keepstate repair`: what can still be proven of damaged bytes is kept, the rest is told. */

import { storeOf } from "../../config/load.js";
import { requireValid } from "../../config/resolve.js";
import { KeepstateError } from "../../errors.js";
import { redactUrl, repairUrl } from "../../schemes.js";
import type { Timeline } from "../../timeline/timeline.js";
import type { Call, Command } from "../command.js";
import { count } from "../format.js";
import { confirm } from "../input.js";
import { Progress } from "../progress.js";
import { openWhole } from "../target.js";

export const repair: Command = {
  name: "repair",
  summary: "Keep what can still be proven of a damaged timeline, or store, and tell what is lost.",
  details:
    "First it tells what is damaged, and asks; where nobody can be asked, --force is needed. " +
    "Without a timeline it mends a store that is too damaged to be opened; its damaged files are " +
    "kept beside it. What is whole is not touched. The exit code is 5 where something was damaged.",
  arguments: [
    {
      name: "timeline",
      meaning: "agent/session; the store's own files where left out",
      optional: true,
      completes: "references",
    },
  ],
  flags: {
    force: { short: "f", meaning: "do not ask" },
    "dry-run": { meaning: "only tell what is damaged" },
  },
  examples: [
    "keepstate repair planner/run-42 --dry-run",
    "keepstate repair --store ./state --force",
  ],
  run,
};

async function run(call: Call): Promise<number> {
  return call.arguments.length > 0 ? timeline(call) : store(call);
}

async function timeline(call: Call): Promise<number> {
  const { terminal } = call;
  const { signal } = terminal.world;
  const isDry = call.has("dry-run");
  const timeline = await openWhole(call, isDry ? "read" : "write", "repaired");
  const { ref } = timeline;
  const progress = new Progress(terminal, `repair: ${ref}`);
  const found = await timeline.verify(undefined, { signal }).finally(() => progress.end());
  const damage = found.damage.map(({ message }) => message);
  // Of a timeline whose index is gone nothing shows; whoever insists gets what is left of it.
  const isGone = found.snapshots === 0 && damage.length === 0;
  if (isGone && (isDry || !call.has("force"))) await timeline.show(undefined, { signal });
  if (isGone) return mend(call, timeline);
  if (damage.length === 0 || isDry) {
    if (call.has("json")) await terminal.json({ ref, kept: found.snapshots, damage });
    else if (damage.length === 0) await terminal.line(`${ref}: no damage, nothing to repair`);
    else for (const message of damage) await terminal.line(message);
    return damage.length === 0 ? 0 : 5;
  }
  if (!call.has("json")) for (const message of damage) terminal.note(message);
  await agreed(call, `What nothing proves any more of ${ref} will be gone.`);
  return mend(call, timeline);
}

async function mend({ terminal, has }: Call, timeline: Timeline): Promise<number> {
  const { signal } = terminal.world;
  const { ref } = timeline;
  const told = await timeline.repair({ signal });
  if (told.kept === 0 && told.lost.length === 0) await timeline.show(undefined, { signal });
  if (has("json")) {
    const lost = told.lost.map(({ why, ...one }) => ({ ...one, message: why.message }));
    await terminal.json({ ref, ...told, lost });
    return 5;
  }
  const { kept, lost, tags, indexLost } = told;
  await terminal.line(`${ref}: ${count(kept, "snapshot")} kept, ${lost.length} lost`);
  for (const { ref: gone, why } of lost) await terminal.line(`${gone}: ${why.message}`);
  if (tags.length > 0) await terminal.line(`tags that are gone: ${tags.join(", ")}`);
  if (indexLost) await terminal.line("its tags and lease could not be read and are gone");
  return 5;
}

async function store(call: Call): Promise<number> {
  const { terminal } = call;
  const config = await call.config();
  requireValid(config);
  const { url } = storeOf(config);
  const name = redactUrl(url);
  if (call.has("dry-run")) {
    const message = "Only of a timeline it can be told before. Of a store, run keepstate verify.";
    throw new KeepstateError("UNSUPPORTED", message);
  }
  await agreed(call, `What cannot be read any more of ${name} will be gone.`);
  const { kept, lost, copies } = await repairUrl(url);
  const damage = lost.map(({ message }) => message);
  if (call.has("json")) await terminal.json({ store: name, kept, lost: damage, copies });
  else {
    await terminal.line(`${name}: ${count(kept, "frame")} kept, ${damage.length} lost or doubtful`);
    for (const message of damage) await terminal.line(message);
    for (const copy of copies) await terminal.line(`kept aside: ${copy}`);
    if (damage.length > 0) terminal.note("Run keepstate verify: timelines may lack something now.");
  }
  return damage.length === 0 ? 0 : 5;
}

/** Nothing goes before somebody has said so. */
async function agreed(call: Call, question: string): Promise<void> {
  const { terminal } = call;
  if (call.has("force")) return;
  if (!terminal.canAsk) {
    const message = "Nobody can be asked whether it is to be repaired. Say so with --force.";
    throw new KeepstateError("INVALID_ARGUMENT", message);
  }
  if (await confirm(`${question} Repair it?`, terminal)) return;
  throw new KeepstateError("ABORTED", "Nothing was changed.");
}
