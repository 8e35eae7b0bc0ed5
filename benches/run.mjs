// `npm run bench -- NAME`: ours and the peers', in turn, in one run. Benches are no tests: slow is
// no failure; only a wrong restore of ours, or ours not running, gives an exit code.
import { writeFileSync } from "node:fs";

import { parseOptions, USAGE } from "./harness/options.mjs";
import { plot } from "./harness/plot.mjs";
import { machine, tables } from "./harness/report.mjs";
import { compete } from "./harness/rounds.mjs";
import { rowsOf } from "./harness/rows.mjs";
import { buildOurs, installPeers } from "./harness/setup.mjs";
import { contestants } from "./peers/index.mjs";

const BENCHES = ["save", "restore", "scale", "kv", "codec", "hash", "boundary", "stream"];

const say = (text) => process.stderr.write(`${text}\n`);

async function runBench(name, options) {
  const { bench } = await import(`./${name}.mjs`);
  const entered = chosen(await contestants(bench.kind), options.only);
  const rows = [];
  const out = {};
  for (const workload of await bench.workloads(options)) {
    if (!matches(workload.name, options.workload)) continue;
    const contenders = entered.filter((one) => bench.enters(one, workload));
    if (contenders.length === 0) continue;
    const result = await compete(bench, workload, { ...options, contestants: contenders, say });
    rows.push(...rowsOf(bench, workload, result.samples));
    for (const [id, why] of Object.entries(result.out)) {
      out[`${name} ${workload.name}, ${id}`] = why;
    }
  }
  return { rows, out };
}

function chosen(all, only) {
  if (only.length === 0) return all;
  return all.filter(({ name }) =>
    only.some((text) => (text === "peers" ? name !== "ours" : name.includes(text))),
  );
}

function matches(name, texts) {
  return texts.length === 0 || texts.some((text) => name.includes(text));
}

async function main() {
  const options = parseOptions(process.argv.slice(2), BENCHES);
  if (options.help || options.names.length === 0) {
    process.stdout.write(`${USAGE}\n`);
    return options.help ? 0 : 2;
  }
  const { only } = options;
  if (only.length === 0 || only.some((text) => text !== "ours")) installPeers(say);
  if (only.length === 0 || only.includes("ours")) buildOurs(say);
  say(machine());
  const rows = [];
  const out = {};
  for (const name of options.names) {
    const result = await runBench(name, options);
    rows.push(...result.rows);
    Object.assign(out, result.out);
  }
  say(machine());
  if (rows.length === 0 && Object.keys(out).length === 0) {
    say("No workload and no contestant match --workload and --only.");
  }
  publish(rows, { out, options });
  return Object.keys(out).some((what) => what.includes(", ours")) ? 1 : 0;
}

function publish(rows, { out, options }) {
  for (const [what, why] of Object.entries(out)) if (options.json) say(`left out: ${what}: ${why}`);
  const text = options.json ? JSON.stringify(rows, null, 2) : tables(rows, out);
  process.stdout.write(`${text}\n`);
  if (options.plot) writeFileSync(options.plot, plot(rows));
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error.message);
  process.exitCode = 2;
}
