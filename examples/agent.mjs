// An agent that saves its whole state after every step, and goes on where it was when it is started
// again. Its work is made up; its state looks like that of a coding agent.
//
//   node examples/agent.mjs FOLDER STEPS

import { open } from "keepstate";

const [folder, steps] = [process.argv[2], Number(process.argv[3])];
const FILES = ["parser", "lexer", "tokens", "scanner", "resolver", "printer"];
const VERBS = ["reads", "searches", "edits", "tests", "reviews"];

const ks = await open(folder, { durability: "sync" });
const run = ks.timeline("planner/run-42");

const state = await run.restore().catch(ifEmpty);
if (state.step > 0) console.log(`resumed after step ${state.step}`);

while (state.step < steps) {
  think(state);
  await run.save(state, { label: `step ${state.step}` });
  console.log(`saved step ${state.step}`);
}

await ks.close();

function ifEmpty(error) {
  if (error.code !== "NOT_FOUND") throw error;
  const plan = ["understand", "fix", "test"];
  return { step: 0, started: new Date(), plan, cost: 0, messages: [] };
}

function think(agent) {
  agent.step += 1;
  agent.cost = Math.round((agent.cost + 0.0137) * 1e4) / 1e4;
  agent.plan = agent.step % 40 === 0 ? [...agent.plan, `part ${agent.step / 40}`] : agent.plan;
  const file = FILES[agent.step % FILES.length];
  const verb = VERBS[(agent.step * 7) % VERBS.length];
  const content = `Step ${agent.step}: ${verb} src/${file}.ts.`;
  agent.messages.push({ role: "assistant", content });
  agent.messages.push({ role: "tool", name: verb, content: output(agent.step, file) });
}

/** Some forty lines, as a tool would give them back; no two steps alike. */
function output(step, file) {
  const lines = Array.from({ length: 30 + (step % 17) }, (_, line) => {
    const word = ((step * 7919 + line * 104729) % 99991).toString(36);
    return `src/${file}.ts:${line + 1}: const ${word} = read(${line * step});`;
  });
  return lines.join("\n");
}
