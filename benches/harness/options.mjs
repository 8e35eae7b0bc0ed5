// The command line of the benches.
import { parseArgs } from "node:util";

export const USAGE = `npm run bench -- NAME... [options]

  NAME               save restore scale kv codec hash boundary stream all
  --session FILE     a recorded session instead of the usual ones; may be repeated
  --workload TEXT    only workloads whose name contains TEXT; may be repeated
  --only TEXT        only contestants whose name contains TEXT, "ours", or "peers"; may be repeated
  --rounds N         rounds, each contestant in turn (default 5)
  --seconds N        length of one counting window (default 0.5)
  --json             one array of {bench, workload, metric, unit, ours, peers, ratio} on stdout
  --plot FILE.svg    the same as bars`;

const SPEC = {
  session: { type: "string", multiple: true, default: [] },
  workload: { type: "string", multiple: true, default: [] },
  only: { type: "string", multiple: true, default: [] },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "0.5" },
  json: { type: "boolean", default: false },
  plot: { type: "string" },
  help: { type: "boolean", default: false },
};

/** Parses the command line; throws an Error with a sentence where it makes no sense. */
export function parseOptions(argv, known) {
  const { values, positionals } = parseArgs({ args: argv, options: SPEC, allowPositionals: true });
  const names = positionals.includes("all") ? known : positionals;
  for (const name of names) {
    if (!known.includes(name)) {
      throw new Error(`There is no bench "${name}". There are ${known.join(", ")}, and all.`);
    }
  }
  return {
    ...values,
    names,
    rounds: positive(values.rounds, "--rounds"),
    seconds: positive(values.seconds, "--seconds"),
  };
}

function positive(text, flag) {
  const number = Number(text);
  if (number > 0) return number;
  throw new Error(`${flag} takes a number above 0, not "${text}".`);
}
