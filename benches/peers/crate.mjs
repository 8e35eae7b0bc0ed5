// The core's own codecs and digests, called in Rust by native/core/examples/speed.rs: what the
// addon is held against. Cargo builds it when it is first asked for.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const NATIVE = fileURLToPath(new URL("../../native/", import.meta.url));
const INPUT = fileURLToPath(new URL("../build/crate-input", import.meta.url));

/** Runs the example on `bytes`; it answers with MB/s by direction. */
function speeds(name, { bytes, seconds }) {
  writeFileSync(INPUT, bytes);
  try {
    const example = ["run", "--quiet", "--release", "-p", "keepstate-core", "--example", "speed"];
    const parameters = [...example, "--", name, INPUT, String(seconds)];
    const options = { cwd: NATIVE, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    return JSON.parse(execFileSync("cargo", parameters, options));
  } finally {
    rmSync(INPUT);
  }
}

const CODECS = ["gzip 1", "gzip 6", "zstd 1", "zstd 3", "zstd 9", "lz4", "brotli 4"];

export const codecs = [
  {
    name: "crate",
    offers: CODECS,
    open: () => (codec) => ({
      measure(bytes, seconds) {
        const { compress, decompress } = speeds(codec, { bytes, seconds });
        return { "compress MB/s": compress, "decompress MB/s": decompress };
      },
    }),
  },
];

export const hashes = [
  {
    name: "crate",
    offers: ["blake3", "sha256", "crc32c"],
    open: () => (digest) => ({
      measure: (bytes, seconds) => speeds(digest, { bytes, seconds }).digest,
    }),
  },
];
