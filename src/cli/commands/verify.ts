/** `keepstate verify`: reads everything and proves every checksum and hash. */

import type { Keepstate } from "../../engine.js";
import type { Call, Command } from "../command.js";
import { count, size } from "../format.js";
import { Progress } from "../progress.js";
import type { KeepstateError } from "../../errors.js";
import { openTarget } from "../target.js";

/** Something that is wrong, and where. */
interface Damage {
  readonly where: string;
  readonly message: string;
}

interface Checked {
  readonly timelines: number;
  readonly snapshots: number;
  readonly bytes: number;
  readonly damage: readonly Damage[];
}

export const verify: Command = {
  name: "verify",
  summary: "Read everything and prove every checksum and hash.",
  details: "Damage is listed on standard output, and the exit code is then 5.",
  arguments: [
    {
      name: "timeline",
      meaning: "agent/session; the whole store where left out",
      optional: true,
      completes: "references",
    },
  ],
  flags: {},
  examples: ["keepstate verify", "keepstate verify planner/run-42 --json"],
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal } = call;
  const target = call.arguments.length > 0 ? await openTarget(call, "read") : undefined;
  const ks = target?.ks ?? (await call.open("read"));
  const progress = new Progress(terminal, "verify:");
  const checking = check(call, { ks, only: target?.timeline.ref, progress });
  const checked = await checking.finally(() => progress.end());
  if (call.has("json")) await terminal.json(checked);
  else {
    for (const { where, message } of checked.damage) await terminal.line(`${where}: ${message}`);
    const { timelines, snapshots, bytes, damage } = checked;
    const verdict = damage.length === 0 ? "no damage" : `${damage.length} damaged`;
    const parts = [count(timelines, "timeline"), count(snapshots, "snapshot"), size(bytes)];
    terminal.note(`${parts.join(", ")}: ${verdict}`);
  }
  return checked.damage.length === 0 ? 0 : 5;
}

interface Scope {
  readonly ks: Keepstate;
  /** The only timeline that counts, or all of the store. */
  readonly only: string | undefined;
  readonly progress: Progress;
}

async function check(call: Call, { ks, only, progress }: Scope): Promise<Checked> {
  const { signal } = call.terminal.world;
  const damage: Damage[] = [];
  const names: string[] = [];
  if (only !== undefined) names.push(only);
  else {
    const told = (done: number, all: number): void =>
      progress.tell(`${size(done)} of ${size(all)}`);
    for (const error of (await ks.store.verify?.({ signal, progress: told })) ?? []) {
      damage.push({ where: whereOf(error, "store"), message: error.message });
    }
    for await (const { ref } of ks.timelines("", { signal })) names.push(ref);
  }
  let snapshots = 0;
  let bytes = 0;
  for (const name of names) {
    progress.tell(name);
    const verified = await ks.timeline(name).verify(undefined, { signal });
    snapshots += verified.snapshots;
    bytes += verified.bytes;
    for (const error of verified.damage) {
      damage.push({ where: whereOf(error, name), message: error.message });
    }
  }
  return { timelines: names.length, snapshots, bytes, damage };
}

function whereOf(error: KeepstateError, otherwise: string): string {
  return error.timeline ?? error.key ?? error.path ?? otherwise;
}
