// Bench `codec`: the last state of each session as JSON text, compressed and decompressed by the
// one-shot calls. The rows "beside the crate" hold our addon against the crates called in Rust.
import { peakMegabytes } from "./harness/memory.mjs";
import { callSeconds } from "./harness/window.mjs";
import { Replay, sessions } from "./sessions.mjs";

const CODECS = ["gzip 1", "gzip 6", "zstd 1", "zstd 3", "zstd 9", "lz4", "brotli 4"];

async function measured({ contestant, workload, seconds }) {
  const codec = (await contestant.open())(workload.codec);
  const bytes = Buffer.from(JSON.stringify(new Replay(workload.session).last()));
  if (codec.measure) return beside(codec.measure(bytes, seconds));
  const packed = await packedOf(codec, { bytes, codec: workload.codec });
  const unpack = speed(bytes, callSeconds(() => codec.decompress(packed), seconds));
  if (Buffer.compare(Buffer.from(codec.decompress(packed)), bytes) !== 0) {
    throw new Error("decompressing gives other bytes than were compressed");
  }
  const metrics = { "decompress MB/s": unpack };
  if (codec.compress) {
    metrics["compress MB/s"] = speed(bytes, callSeconds(() => codec.compress(bytes), seconds));
    metrics["compressed bytes"] = packed.length;
  }
  const ours = contestant.name === "ours" ? beside(metrics) : {};
  return { ...metrics, ...ours, "peak MB": peakMegabytes() };
}

const speed = (bytes, seconds) => bytes.length / 1e6 / seconds;

function beside(metrics) {
  return {
    "compress beside the crate MB/s": metrics["compress MB/s"],
    "decompress beside the crate MB/s": metrics["decompress MB/s"],
  };
}

// A contestant that only decompresses gets what the reference implementation wrote.
async function packedOf(codec, { bytes, codec: name }) {
  if (codec.compress) return codec.compress(bytes);
  const { compress } = await import("zstd-napi");
  return compress(bytes, { compressionLevel: Number(name.split(" ")[1]) });
}

const RATE = { unit: "MB/s", better: "more" };

export const bench = {
  name: "codec",
  kind: "codecs",
  phases: ["measured"],
  measure: { measured },
  metrics: {
    "compress MB/s": RATE,
    "decompress MB/s": RATE,
    "compressed bytes": { unit: "B", better: "less" },
    "compress beside the crate MB/s": RATE,
    "decompress beside the crate MB/s": RATE,
    "peak MB": { unit: "MB", better: "less" },
  },
  workloads: (options) =>
    CODECS.flatMap((codec) =>
      sessions(options).map((session) => ({ name: `${codec}, ${session.name}`, codec, session })),
    ),
  enters: ({ offers }, { codec }) => offers.includes(codec),
};
