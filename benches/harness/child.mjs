// One contestant, one workload, one phase, in a process of its own; the result goes to the parent.
import { contestant } from "../peers/index.mjs";

const job = JSON.parse(process.argv[2]);

async function answer() {
  const { bench } = await import(`../${job.bench}.mjs`);
  const entered = await contestant(bench.kind, job.contestant);
  return { metrics: await bench.measure[job.phase]({ ...job, contestant: entered }) };
}

let message;
try {
  message = await answer();
} catch (error) {
  message = { error: error.code ? `${error.code}: ${error.message}` : error.message };
}
// Exit only once the parent has the answer; handles that a contestant forgot must not keep us.
process.send(message, () => process.exit(0));
