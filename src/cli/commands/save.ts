/** `keepstate save`: a state from a file or standard input becomes the next snapshot. */

import { stateOfText } from "../../state/json-text.js";
import type { SaveOptions } from "../../timeline/options.js";
import { timelineName } from "../../timeline/reference.js";
import type { Snapshot } from "../../timeline/snapshot.js";
import type { Call, Command } from "../command.js";
import { openInput, readInput, textOf } from "../input.js";
import { openTarget, TIMELINE } from "../target.js";
import { metadataOf } from "../values.js";

export const save: Command = {
  name: "save",
  summary: "Save a state as the next snapshot of a timeline, and print its name.",
  details:
    "The state is JSON; rich types are marked as docs/encoding.md tells. With --raw it is bytes.",
  arguments: [
    TIMELINE,
    {
      name: "file",
      meaning: "where the state is; standard input where it is - or left out",
      optional: true,
      completes: "files",
    },
  ],
  flags: {
    label: { takes: "TEXT", short: "l", meaning: "a few words to find the snapshot by" },
    description: { takes: "TEXT", meaning: "more words" },
    meta: { takes: "NAME=VALUE", many: true, meaning: "metadata; may be given several times" },
    schema: { takes: "VERSION", meaning: "the version of the state's schema" },
    key: { takes: "TEXT", meaning: "an idempotency key: the same key again saves nothing new" },
    onto: { takes: "REF", meaning: "save as the successor of this snapshot, after a CONFLICT" },
    raw: { meaning: "the state is bytes, and kept as they are" },
  },
  examples: [
    "keepstate save planner/run-42 state.json",
    'agent-step | keepstate save planner/run-42 --label "after the search"',
    "keepstate save planner/run-42 picture.png --raw --meta kind=screenshot",
  ],
  run,
};

const MISSING = "There is no state to save. Name a file, or pipe one in: ... < state.json";

async function run(call: Call): Promise<void> {
  const [reference = "", file] = call.arguments;
  timelineName(reference);
  const metadata = metadataOf(call);
  const save = call.has("raw") ? await rawState(call, file) : await jsonState(call, file);
  const snapshot = await save({
    label: call.get("label"),
    description: call.get("description"),
    schemaVersion: call.get("schema"),
    idempotencyKey: call.get("key"),
    onto: call.get("onto"),
    metadata,
    signal: call.terminal.world.signal,
  });
  if (call.has("json")) await call.terminal.json(snapshot);
  else await call.terminal.line(snapshot.ref);
}

/** Saves what was given. */
type Save = (options: SaveOptions) => Promise<Snapshot>;

/** Bytes of any length: they are stored as they come. */
async function rawState(call: Call, file: string | undefined): Promise<Save> {
  const pieces = await openInput({ name: file, missing: MISSING }, call.terminal);
  const { timeline } = await openTarget(call, "create", { encoding: "bytes" });
  return (options) => timeline.saveStream(pieces, options);
}

async function jsonState(call: Call, file: string | undefined): Promise<Save> {
  const bytes = await readInput({ name: file, missing: MISSING }, call.terminal);
  const state = await stateOfText(textOf(bytes, file ?? "Standard input"));
  const { timeline } = await openTarget(call, "create");
  return (options) => timeline.save(state, options);
}
