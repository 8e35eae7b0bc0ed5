// unstorage over its file driver: a file per key.
async function openStorage(folder) {
  const [{ createStorage }, { default: fsDriver }] = await Promise.all([
    import("unstorage"),
    import("unstorage/drivers/fs-lite"),
  ]);
  return createStorage({ driver: fsDriver({ base: `${folder}/unstorage` }) });
}

async function openStates(folder) {
  const storage = await openStorage(folder);
  return {
    save: (state, k) => storage.setItem(`state:${k}`, state),
    restore: (k) => storage.getItem(`state:${k}`),
    latest: (k) => storage.getItem(`state:${k}`),
    close: () => storage.dispose(),
  };
}

async function openKeys(folder) {
  const storage = await openStorage(folder);
  return {
    set: (key, value) => storage.setItemRaw(key, value),
    many: [(pairs) => Promise.all(pairs.map(([key, value]) => storage.setItemRaw(key, value)))],
    gets: [(key) => storage.getItemRaw(key)],
    close: () => storage.dispose(),
  };
}

export const states = [{ name: "unstorage fs", modes: ["async"], open: openStates }];
export const kv = [{ name: "unstorage fs", modes: ["async"], open: openKeys }];
