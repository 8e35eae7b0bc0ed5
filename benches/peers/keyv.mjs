// Keyv over its SQLite adapter, which leaves SQLite at its default: a rollback journal, synced at
// every write. Its only mode is durable, and it stands in the asynchronous rows as what it offers.
async function openKeyv(folder) {
  const [{ default: Keyv }, { default: KeyvSqlite }] = await Promise.all([
    import("keyv"),
    import("@keyv/sqlite"),
  ]);
  return new Keyv({ store: new KeyvSqlite(`sqlite://${folder}/keyv.sqlite`) });
}

async function openStates(folder) {
  const keyv = await openKeyv(folder);
  return {
    async save(state, k) {
      await keyv.set(`state:${k}`, state);
    },
    restore: (k) => keyv.get(`state:${k}`),
    latest: (k) => keyv.get(`state:${k}`),
    close: () => keyv.disconnect(),
  };
}

async function openKeys(folder) {
  const keyv = await openKeyv(folder);
  return {
    value: (bytes) => bytes.toString("latin1"),
    set: (key, value) => keyv.set(key, value),
    many: [(pairs) => Promise.all(pairs.map(([key, value]) => keyv.set(key, value)))],
    gets: [(key) => keyv.get(key)],
    close: () => keyv.disconnect(),
  };
}

export const states = [{ name: "keyv sqlite", modes: ["async", "durable"], open: openStates }];
export const kv = [{ name: "keyv sqlite", modes: ["async", "durable"], open: openKeys }];
