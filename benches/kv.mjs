// Bench `kv`: small values under 2,000 keys, one client that awaits each call, and 100 promises in
// flight. Where a contestant offers several public calls for one thing, its fastest counts.
import { peakMegabytes } from "./harness/memory.mjs";
import { dice, noise } from "./harness/numbers.mjs";
import { rate } from "./harness/window.mjs";

const KEYS = Array.from({ length: 2000 }, (_, k) => `bench/key/${String(k).padStart(6, "0")}`);
const GROUP = 100;

async function measured({ contestant, workload, folder, seconds }) {
  const store = await contestant.open(folder);
  const values = valuesOf(store, workload.size);
  for (const key of KEYS) await store.set(key, values[0]);
  await readBack(store, values);
  globalThis.gc?.();
  const one = await rate((index) => store.set(KEYS[index % 2000], values[index % 64]), seconds);
  const hundred = await best(store.many, (put) => groupRate(put, { values, seconds }));
  const order = Array.from({ length: 4096 }, dice(7).bind(null, 2000)).map((k) => KEYS[k]);
  const gets = await best(store.gets, (get) => rate((index) => get(order[index & 4095]), seconds));
  await readBack(store, values);
  const metrics = Object.fromEntries(
    contestant.modes.flatMap((mode) => [
      [`set ${mode} 1 client /s`, one],
      [`set ${mode} 100 promises /s`, hundred],
    ]),
  );
  await store.close();
  return { ...metrics, "get /s": gets, "peak MB": peakMegabytes() };
}

function valuesOf(store, size) {
  const bytes = Array.from({ length: 64 }, (_, seed) => noise(seed, size));
  return store.value ? bytes.map(store.value) : bytes;
}

async function groupRate(put, { values, seconds }) {
  const group = (index) =>
    Array.from({ length: GROUP }, (_, at) => {
      const pair = index * GROUP + at;
      return [KEYS[pair % 2000], values[pair % 64]];
    });
  return GROUP * (await rate((index) => put(group(index)), seconds));
}

async function best(calls, measure) {
  let most = 0;
  for (const call of calls) most = Math.max(most, await measure(call));
  return most;
}

// Every call must give back what was put, else its speed means nothing.
async function readBack(store, values) {
  for (const [at, get] of store.gets.entries()) {
    await store.set(KEYS[at], values[at + 1]);
    if (same(await get(KEYS[at]), values[at + 1])) continue;
    throw new Error(`a get of ${KEYS[at]} is not what was set`);
  }
}

// By index: lmdb's fastest get lends a larger buffer and says only by `length` what of it counts.
function same(found, value) {
  if (found?.length !== value.length) return false;
  for (let at = 0; at < value.length; at += 1) if (found[at] !== value[at]) return false;
  return true;
}

const RATE = { unit: "/s", better: "more" };

export const bench = {
  name: "kv",
  kind: "kv",
  phases: ["measured"],
  measure: { measured },
  metrics: {
    "set durable 1 client /s": RATE,
    "set durable 100 promises /s": RATE,
    "set async 1 client /s": RATE,
    "set async 100 promises /s": RATE,
    "get /s": RATE,
    "peak MB": { unit: "MB", better: "less" },
  },
  workloads: () => [100, 1000, 4000].map((size) => ({ name: `${size} B`, size })),
  enters: () => true,
};
