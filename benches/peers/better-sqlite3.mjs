// better-sqlite3 in WAL mode: a table of states as JSON text or zstd, and a table of blobs by key.
async function database(folder, synchronous) {
  const { default: Database } = await import("better-sqlite3");
  const db = new Database(`${folder}/store.db`);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${synchronous}`);
  return db;
}

const JSON_TEXT = { encode: (state) => JSON.stringify(state), decode: (text) => JSON.parse(text) };

async function zstdJson() {
  const { compress, decompress } = await import("zstd-napi");
  return {
    encode: (state) => compress(Buffer.from(JSON.stringify(state)), { compressionLevel: 1 }),
    decode: (blob) => JSON.parse(decompress(blob).toString()),
  };
}

async function openStates(folder, { synchronous, form }) {
  const { encode, decode } = await form();
  const db = await database(folder, synchronous);
  db.exec("create table if not exists states (k integer primary key, state blob)");
  const insert = db.prepare("insert into states values (?, ?)");
  const select = db.prepare("select state from states where k = ?").pluck();
  const newest = db.prepare("select state from states order by k desc limit 1").pluck();
  return {
    save: (state, k) => insert.run(k, encode(state)),
    restore: (k) => decode(select.get(k)),
    latest: () => decode(newest.get()),
    close: () => db.close(),
  };
}

const statesOf = (name, modes, options) => ({
  name,
  modes,
  open: (folder) => openStates(folder, options),
});

export const states = [
  statesOf("sqlite json NORMAL", ["async"], { synchronous: "NORMAL", form: () => JSON_TEXT }),
  statesOf("sqlite json FULL", ["durable"], { synchronous: "FULL", form: () => JSON_TEXT }),
  statesOf("sqlite zstd1 NORMAL", ["async"], { synchronous: "NORMAL", form: zstdJson }),
  statesOf("sqlite zstd1 FULL", ["durable"], { synchronous: "FULL", form: zstdJson }),
];

async function openKeys(folder, synchronous) {
  const db = await database(folder, synchronous);
  db.exec("create table if not exists pairs (key text primary key, value blob) without rowid");
  const upsert = db.prepare("insert or replace into pairs values (?, ?)");
  const select = db.prepare("select value from pairs where key = ?").pluck();
  const all = db.transaction((pairs) => {
    for (const [key, value] of pairs) upsert.run(key, value);
  });
  return {
    set: (key, value) => upsert.run(key, value),
    many: [all],
    gets: [(key) => select.get(key)],
    close: () => db.close(),
  };
}

export const kv = [
  { name: "sqlite OFF", modes: ["async"], open: (folder) => openKeys(folder, "OFF") },
  { name: "sqlite NORMAL", modes: ["async"], open: (folder) => openKeys(folder, "NORMAL") },
  { name: "sqlite FULL", modes: ["durable"], open: (folder) => openKeys(folder, "FULL") },
];

export const calls = [
  {
    name: "sqlite",
    offers: ["get 100 B sync"],
    async open(folder) {
      const keys = await openKeys(folder, "NORMAL");
      keys.set("key", Buffer.alloc(100, 7));
      const [get] = keys.gets;
      return { "get 100 B sync": () => get("key"), close: keys.close };
    },
  },
];
