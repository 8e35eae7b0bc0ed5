// LangGraph's SQLite saver, bare: put and getTuple, no graph around it. It runs SQLite as it comes,
// in WAL mode with NORMAL synchronisation.
const checkpointId = (k) => `00000000-0000-6000-8000-${String(k).padStart(12, "0")}`;

const configOf = (id) => ({
  configurable: { thread_id: "run", checkpoint_ns: "", ...(id && { checkpoint_id: id }) },
});

const checkpointOf = (state, k) => ({
  v: 4,
  id: checkpointId(k),
  ts: "2026-01-05T09:00:00.000Z",
  channel_values: state,
  channel_versions: {},
  versions_seen: {},
});

async function openStates(folder) {
  const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
  const saver = SqliteSaver.fromConnString(`${folder}/checkpoints.db`);
  const restored = async (config) => (await saver.getTuple(config)).checkpoint.channel_values;
  let parent;
  return {
    async save(state, k) {
      const metadata = { source: "loop", step: k, parents: {} };
      parent = await saver.put(parent ?? configOf(), checkpointOf(state, k), metadata);
    },
    restore: (k) => restored(configOf(checkpointId(k))),
    latest: () => restored(configOf()),
    close: () => saver.db.close(),
  };
}

export const states = [{ name: "LangGraph sqlite", modes: ["async"], open: openStates }];
