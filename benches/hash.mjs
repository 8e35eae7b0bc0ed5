// Bench `hash`: digests of 64 bytes (what a call costs), 1,000 bytes, and the last state of each
// session as JSON text (what a byte costs).
import { peakMegabytes } from "./harness/memory.mjs";
import { noise } from "./harness/numbers.mjs";
import { callSeconds, syncRate } from "./harness/window.mjs";
import { Replay, sessions } from "./sessions.mjs";

const DIGESTS = ["blake3", "sha256", "crc32c"];
const SMALL = [64, 1000];

async function measured({ contestant, workload, seconds }) {
  const hash = (await contestant.open())(workload.digest);
  const bytes = inputOf(workload);
  if (hash.measure) return { "beside the crate MB/s": hash.measure(bytes, seconds) };
  const once = workload.size
    ? 1 / syncRate(() => hash(bytes), seconds)
    : callSeconds(() => hash(bytes), seconds);
  const megabytes = bytes.length / 1e6 / once;
  const crate = contestant.name === "ours" && !workload.size;
  return {
    "MB/s": megabytes,
    us: once * 1e6,
    ...(crate && { "beside the crate MB/s": megabytes }),
    "peak MB": peakMegabytes(),
  };
}

function inputOf({ size, session }) {
  return size ? noise(1, size) : Buffer.from(JSON.stringify(new Replay(session).last()));
}

export const bench = {
  name: "hash",
  kind: "hashes",
  phases: ["measured"],
  measure: { measured },
  metrics: {
    "MB/s": { unit: "MB/s", better: "more" },
    us: { unit: "us", better: "less" },
    "beside the crate MB/s": { unit: "MB/s", better: "more" },
    "peak MB": { unit: "MB", better: "less" },
  },
  workloads: (options) =>
    DIGESTS.flatMap((digest) => [
      ...SMALL.map((size) => ({ name: `${digest}, ${size} B`, digest, size })),
      ...sessions(options).map((session) => ({
        name: `${digest}, ${session.name}`,
        digest,
        session,
      })),
    ]),
  // The crate is called for whole states only: per call it has no boundary to cross.
  enters: ({ offers, name }, { digest, size }) =>
    offers.includes(digest) && !(name === "crate" && size),
};
