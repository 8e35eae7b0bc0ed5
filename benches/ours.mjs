// Ours, through the public API of the built package: the only file that knows it.
import { fileURLToPath } from "node:url";

const ENTRY = new URL("../dist/index.js", import.meta.url);

async function keepstate() {
  try {
    return await import(ENTRY);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Error(`${fileURLToPath(ENTRY)} is not built; run "npm run build" first`);
  }
}

const opened = async (folder, durability) =>
  (await keepstate()).open(`${folder}/ours`, { durability });

// Sequences count from 1, states from 0.
async function openStates(folder, durability) {
  const ks = await opened(folder, durability);
  const run = ks.timeline("bench/run");
  return {
    save: (state) => run.save(state),
    restore: (k) => run.restore(`@${k + 1}`),
    latest: () => run.restore(),
    ...(typeof run.pack === "function" && { pack: () => run.pack() }),
    ...(typeof run.fork === "function" && {
      fork: (k, name) => run.fork(`bench/${name}`, `@${k + 1}`),
      tag: (k, name) => run.tag(name, `@${k + 1}`),
    }),
    close: () => ks.close(),
  };
}

// Many timelines in one folder.
async function openMany(folder) {
  const ks = await opened(folder, "async");
  const runs = new Map();
  const named = (n) => {
    if (!runs.has(n)) runs.set(n, ks.timeline(`agent-${n % 7}/run-${n}`));
    return runs.get(n);
  };
  return {
    save: (n, state) => named(n).save(state),
    latest: (n) => named(n).restore(),
    async count() {
      let found = 0;
      for await (const _ of ks.timelines()) found += 1;
      return found;
    },
    close: () => ks.close(),
  };
}

const DURABILITY = { async: "async", durable: "sync" };
const inBothModes = (open) =>
  Object.entries(DURABILITY).map(([mode, durability]) => ({
    name: "ours",
    modes: [mode],
    open: (folder) => open(folder, durability),
    openMany,
  }));

export const states = inBothModes(openStates);

async function openKeys(folder, durability) {
  const ks = await opened(folder, durability);
  const { store } = ks;
  const room = new Uint8Array(1 << 16);
  return {
    set: (key, value) => store.put(key, value),
    many: [(pairs) => Promise.all(pairs.map(([key, value]) => store.put(key, value)))],
    gets: [
      (key) => store.getSync(key),
      (key) => room.subarray(0, store.getSync(key, room)),
    ],
    close: () => ks.close(),
  };
}

export const kv = inBothModes(openKeys);

const CODECS = ["gzip 1", "gzip 6", "zstd 1", "zstd 3", "zstd 9", "lz4", "brotli 4"];

async function openCodecs() {
  const { compressSync, decompressSync } = await keepstate();
  return (name) => {
    const [codec, level] = name.split(" ");
    const options = level ? { codec, level: Number(level) } : { codec };
    return {
      compress: (bytes) => compressSync(bytes, options),
      decompress: (bytes) => decompressSync(bytes, { codec }),
    };
  };
}

export const codecs = [{ name: "ours", offers: CODECS, open: openCodecs }];

const DIGESTS = ["blake3", "sha256", "crc32c"];
const openHashes = async () => {
  const api = await keepstate();
  return (name) => (bytes) => api.digestSync(name, bytes);
};

export const hashes = [{ name: "ours", offers: DIGESTS, open: openHashes }];

async function openStreams(folder) {
  const ks = await opened(folder, "sync");
  const run = ks.timeline("bench/run");
  return {
    save: (pieces) => run.saveStream(pieces),
    restore: () => run.restoreStream(),
    close: () => ks.close(),
  };
}

export const streams = [{ name: "ours", modes: ["durable"], open: openStreams }];

const SMALL = Buffer.alloc(16, 7);
const MEGABYTE = Buffer.alloc(1 << 20, 7);
const OFFERED = [
  "smallest call sync",
  "16 B in sync",
  "1 MB in and out sync",
  "get 100 B sync",
  "get 100 B",
  "100 gets of 100 B",
  "smallest promise",
  "100 promises",
];

async function openCalls(folder) {
  const { compressSync, digest, digestSync } = await keepstate();
  const ks = await opened(folder, "async");
  const { store } = ks;
  await store.put("key", Buffer.alloc(100, 7));
  const hundred = (call) => Promise.all(Array.from({ length: 100 }, call));
  const none = Buffer.alloc(0);
  return {
    "smallest call sync": () => digestSync("crc32c", none),
    "16 B in sync": () => digestSync("crc32c", SMALL),
    "1 MB in and out sync": () => compressSync(MEGABYTE, { codec: "none" }),
    "get 100 B sync": () => store.getSync("key"),
    "get 100 B": () => store.get("key"),
    "100 gets of 100 B": () => hundred(() => store.get("key")),
    "smallest promise": () => digest("crc32c", SMALL),
    "100 promises": () => hundred(() => digest("crc32c", SMALL)),
    close: () => ks.close(),
  };
}

export const calls = [{ name: "ours", offers: OFFERED, open: openCalls }];
