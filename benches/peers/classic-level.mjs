// classic-level (LevelDB): states as JSON text under ordered keys, small values as buffers.
const keyOf = (k) => String(k).padStart(8, "0");

async function level(folder, valueEncoding) {
  const { ClassicLevel } = await import("classic-level");
  const db = new ClassicLevel(`${folder}/level`, { valueEncoding });
  await db.open();
  return db;
}

async function openStates(folder, sync) {
  const db = await level(folder, "utf8");
  return {
    save: (state, k) => db.put(keyOf(k), JSON.stringify(state), { sync }),
    restore: async (k) => JSON.parse(await db.get(keyOf(k))),
    async latest() {
      const [text] = await db.values({ reverse: true, limit: 1 }).all();
      return JSON.parse(text);
    },
    close: () => db.close(),
  };
}

export const states = [
  { name: "classic-level", modes: ["async"], open: (folder) => openStates(folder, false) },
  { name: "classic-level sync", modes: ["durable"], open: (folder) => openStates(folder, true) },
];

async function openKeys(folder, sync) {
  const db = await level(folder, "buffer");
  const puts = (pairs) => pairs.map(([key, value]) => ({ type: "put", key, value }));
  return {
    set: (key, value) => db.put(key, value, { sync }),
    many: [
      (pairs) => db.batch(puts(pairs), { sync }),
      (pairs) => Promise.all(pairs.map(([key, value]) => db.put(key, value, { sync }))),
    ],
    gets: [(key) => db.getSync(key), (key) => db.get(key)],
    close: () => db.close(),
  };
}

export const kv = [
  { name: "classic-level", modes: ["async"], open: (folder) => openKeys(folder, false) },
  { name: "classic-level sync", modes: ["durable"], open: (folder) => openKeys(folder, true) },
];

export const calls = [
  {
    name: "classic-level",
    offers: ["get 100 B", "100 gets of 100 B"],
    async open(folder) {
      const keys = await openKeys(folder, false);
      await keys.set("key", Buffer.alloc(100, 7));
      const get = keys.gets[1];
      const hundred = () => Promise.all(Array.from({ length: 100 }, () => get("key")));
      return { "get 100 B": () => get("key"), "100 gets of 100 B": hundred, close: keys.close };
    },
  },
];
