// lmdb with msgpackr: each state one value, its object shapes shared ("records"), its fastest form.
const RECORDS = { encoding: "msgpack", sharedStructuresKey: Symbol.for("structures") };

async function openStates(folder, { durable, ...options }) {
  const { open } = await import("lmdb");
  const db = open({ path: `${folder}/states.mdb`, ...RECORDS, ...options });
  let last = db.getKeys({ reverse: true, limit: 1, start: Number.MAX_SAFE_INTEGER }).asArray[0];
  return {
    async save(state, k) {
      last = k;
      await db.put(k, state);
      if (durable) await db.flushed;
    },
    restore: (k) => db.get(k),
    latest: () => db.get(last),
    close: () => db.close(),
  };
}

const statesOf = (name, modes, options) => ({
  name,
  modes,
  open: (folder) => openStates(folder, { ...options, durable: modes.includes("durable") }),
});

export const states = [
  statesOf("lmdb msgpack", ["async"], {}),
  statesOf("lmdb msgpack noSync", ["async"], { noSync: true }),
  statesOf("lmdb msgpack flushed", ["durable"], {}),
  statesOf("lmdb msgpack+lz4", ["async"], { compression: true }),
  statesOf("lmdb msgpack+lz4 flushed", ["durable"], { compression: true }),
];

async function openKeys(folder, { durable, ...options }) {
  const { open } = await import("lmdb");
  const db = open({ path: `${folder}/keys.mdb`, encoding: "binary", ...options });
  const settled = async (put) => {
    await put;
    if (durable) await db.flushed;
  };
  return {
    set: (key, value) => settled(db.put(key, value)),
    many: [(pairs) => settled(Promise.all(pairs.map(([key, value]) => db.put(key, value))))],
    gets: [(key) => db.getBinaryFast(key), (key) => db.getBinary(key)],
    close: () => db.close(),
  };
}

export const kv = [
  { name: "lmdb", modes: ["async"], open: (folder) => openKeys(folder, { durable: false }) },
  {
    name: "lmdb noSync",
    modes: ["async"],
    open: (folder) => openKeys(folder, { durable: false, noSync: true }),
  },
  {
    name: "lmdb flushed",
    modes: ["durable"],
    open: (folder) => openKeys(folder, { durable: true }),
  },
];

export const calls = [
  {
    name: "lmdb",
    offers: ["get 100 B sync"],
    async open(folder) {
      const keys = await openKeys(folder, { durable: false });
      await keys.set("key", Buffer.alloc(100, 7));
      const [get] = keys.gets;
      return { "get 100 B sync": () => get("key"), close: keys.close };
    },
  },
];
