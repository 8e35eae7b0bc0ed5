/** `keepstate verify`: reads everything and proves every checksum and hash. */

import type { KeepstateError } from "../../errors.js";
import type { StoreVerified, VerifyOptions, VerifyProgress } from "../../timeline/verify.js";
import type { Call, Command } from "../command.js";
import { count, size } from "../format.js";
import { Progress } from "../progress.js";
import { openTarget, type Target } from "../target.js";

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
  const { signal } = terminal.world;
  const target = call.arguments.length > 0 ? await openTarget(call, "read") : undefined;
  const ks = target?.ks ?? (await call.open("read"));
  const progress = new Progress(terminal, "verify:");
  const options = { signal, onProgress: (at: VerifyProgress) => progress.tell(textOf(at)) };
  const verifying = target ? one(target, options) : ks.verify(options);
  const { timelines, files, snapshots, bytes, damage } = await verifying.finally(() => {
    progress.end();
  });
  const told = damage.map((error) => ({ where: whereOf(error, target), message: error.message }));
  if (call.has("json")) {
    await terminal.json({ timelines, files, snapshots, bytes, damage: told });
  } else {
    for (const { where, message } of told) await terminal.line(`${where}: ${message}`);
    const verdict = told.length === 0 ? "no damage" : `${told.length} damaged`;
    const parts = [
      count(timelines, "timeline"),
      count(snapshots, "snapshot"),
      ...(files > 0 ? [count(files, "file")] : []),
      size(bytes),
    ];
    terminal.note(`${parts.join(", ")}: ${verdict}`);
  }
  return told.length === 0 ? 0 : 5;
}

/** One timeline, or one snapshot of it. What is not there is no timeline that holds. */
async function one({ timeline, at }: Target, options: VerifyOptions): Promise<StoreVerified> {
  const verified = await timeline.verify(at, options);
  const { snapshots, damage } = verified;
  if (snapshots === 0 && damage.length === 0) {
    await timeline.show(undefined, { signal: options.signal });
  }
  return { timelines: 1, files: 0, ...verified };
}

function textOf({ reading, part, timelines, snapshots, bytes }: VerifyProgress): string {
  const done = [count(timelines, "timeline"), count(snapshots, "snapshot"), size(bytes)];
  return `${done.join(", ")}; ${reading} ${Math.floor(part * 100)}%`;
}

function whereOf(error: KeepstateError, target: Target | undefined): string {
  return error.timeline ?? error.key ?? error.path ?? target?.timeline.ref ?? "store";
}
