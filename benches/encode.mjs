// Encoding, capturing and restoring real sessions, beside msgpackr in the same run.
// node --expose-gc benches/encode.mjs ADDON.node FOLDER_WITH_MSGPACKR SESSION.json ...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { Decoder } from "../build/src/encode/decode.js";
import { encodeMsgpack } from "../build/src/encode/msgpack.js";
import { Shadow } from "../build/src/encode/shadow.js";

const [addon, folder, ...files] = process.argv.slice(2);
const { tapeReader } = createRequire(import.meta.url)(addon);
const { Packr } = createRequire(`${folder}/`)("msgpackr");
const packr = new Packr({ useRecords: false });
const records = new Packr({ structures: [] });
const ROUNDS = 5;

function timed(run) {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function median(times) {
  return times.sort((a, b) => a - b)[times.length >> 1];
}

/** Medians of contestants that run in turn. */
function contest(contestants, rounds = 40) {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = -10; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const time = timed(run);
      if (round >= 0) times[name].push(time);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

/** Calls `save` with each state of a session, changed in place; gives the times. */
function replay({ base, listKey, items, steps }, save) {
  const list = [];
  const state = { ...base, [listKey]: list };
  return steps.map(({ upto, head }) => {
    Object.assign(state, head);
    list.push(...items.slice(list.length, upto));
    return timed(() => save(state));
  });
}

function heapOf(make) {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const kept = make();
  globalThis.gc?.();
  return kept && (process.memoryUsage().heapUsed - before) / 1e6;
}

for (const file of files) {
  const session = JSON.parse(readFileSync(file, "utf8"));
  const state = { ...session.base, ...session.steps.at(-1).head, [session.listKey]: session.items };
  const walks = [];
  const packs = [];
  for (let round = 0; round < ROUNDS; round++) {
    const shadow = new Shadow();
    walks.push(median(replay(session, (now) => shadow.capture(now))));
    packs.push(median(replay(session, (now) => packr.pack(now))));
  }
  const bytes = encodeMsgpack(state);
  const packed = packr.pack(state);
  const recorded = records.pack(state);
  const decoder = new Decoder(tapeReader());
  const row = {
    session: basename(file, ".session.json"),
    "walk p50": median(walks),
    "pack p50": median(packs),
    ...contest({
      encode: () => encodeMsgpack(state),
      "first capture": () => new Shadow().capture(state),
      pack: () => packr.pack(state),
      decode: () => decoder.decode(bytes),
      unpack: () => packr.unpack(packed),
      "unpack records": () => records.unpack(recorded),
    }),
    "shadow MB": heapOf(() => {
      const shadow = new Shadow();
      shadow.capture(state);
      return shadow;
    }),
    "bytes MB": bytes.length / 1e6,
  };
  const cells = Object.entries(row).map(([name, cell]) =>
    typeof cell === "number" ? `${name} ${cell.toFixed(3)}` : cell,
  );
  process.stdout.write(`${cells.join(" | ")}\n`);
}
