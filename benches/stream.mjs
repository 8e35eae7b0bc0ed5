// Bench `stream`: a state of random bytes goes in and comes out in pieces, beside what the machine
// can do at most: the lesser of writing a file (with fsync) or reading it, and BLAKE3.
import { peakMegabytes } from "./harness/memory.mjs";
import { noise } from "./harness/numbers.mjs";

const PIECE = 1 << 20;

/** The pieces of a state, all of them different; the buffer is used again for the next one. */
function* pieces({ megabytes }) {
  const piece = Buffer.concat(Array(16).fill(noise(1, PIECE / 16)));
  for (let n = 0; n < megabytes; n += 1) {
    for (let at = 0; at < PIECE; at += 1024) piece.writeUInt32LE(mixed(n * 1024 + at / 1024), at);
    yield piece;
  }
}

function mixed(n) {
  const once = Math.imul(n ^ (n >>> 16), 0x45d9f3b);
  return (once ^ (once >>> 15)) >>> 0;
}

async function seconds(work) {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

async function saved({ contestant, workload, folder }) {
  const store = await contestant.open(folder);
  const before = peakMegabytes();
  const took = await seconds(() => store.save(pieces(workload)));
  const more = store.figures?.() ?? {};
  const rate = (workload.megabytes * PIECE) / 1e6 / took;
  await store.close();
  return {
    "save MB/s": Math.min(rate, more["BLAKE3 MB/s"] ?? Infinity),
    "save peak MB": peakMegabytes() - before,
    ...more,
  };
}

async function restored({ contestant, workload, folder }) {
  const store = await contestant.open(folder);
  const before = peakMegabytes();
  let length = 0;
  const took = await seconds(async () => {
    for await (const piece of store.restore()) length += piece.length;
  });
  const grown = peakMegabytes() - before;
  const right = length === workload.megabytes * PIECE && (await isEqual(store.restore(), workload));
  await store.close();
  if (!right) throw new Error("what came out is not what went in");
  const rate = length / 1e6 / took;
  return { "restore MB/s": Math.min(rate, store.blake3 ?? Infinity), "restore peak MB": grown };
}

async function isEqual(stream, workload) {
  const expected = pieces(workload);
  let rest = Buffer.alloc(0);
  for await (const piece of stream) {
    for (let from = 0; from < piece.length; ) {
      if (rest.length === 0) rest = expected.next().value ?? Buffer.alloc(0);
      const count = Math.min(rest.length, piece.length - from);
      if (count === 0 || rest.compare(piece, from, from + count, 0, count) !== 0) return false;
      rest = rest.subarray(count);
      from += count;
    }
  }
  return rest.length === 0 && expected.next().done;
}

export const bench = {
  name: "stream",
  kind: "streams",
  phases: ["saved", "restored"],
  measure: { saved, restored },
  metrics: {
    "save MB/s": { unit: "MB/s", better: "more" },
    "restore MB/s": { unit: "MB/s", better: "more" },
    "BLAKE3 MB/s": { unit: "MB/s", better: "more" },
    "save peak MB": { unit: "MB", better: "less" },
    "restore peak MB": { unit: "MB", better: "less" },
  },
  workloads: () => [64, 1024].map((megabytes) => ({ name: `${megabytes} MiB random`, megabytes })),
  enters: () => true,
};
