// Opens a store, saves and restores a timeline, and lists it.
//
//   node ffi/koffi/timeline.mjs [URL]

import { call, infoOf, ks, NUL, options, takeBytes } from "./keepstate.mjs";

const url = process.argv[2] ?? "memory:";
const out = [null];

call("ks_store_open", url, NUL, null, out);
const [store] = out;
call("ks_timeline_open_ref", store, "planner/run-42", NUL, null, out);
const [timeline] = out;

for (let step = 1; step <= 3; step++) {
  const state = Buffer.from(JSON.stringify({ step, notes: Array(100).fill("unchanged") }));
  const said = { encoding: "json", encoding_len: NUL, label: `step ${step}`, label_len: NUL };
  call("ks_timeline_save", timeline, state, state.length, options("ks_save_options", said), out);
  console.log("saved", infoOf(out[0]).reference);
  ks.ks_snapshot_free(out[0]);
}

const bytes = {};
call("ks_timeline_restore", timeline, "@2", NUL, bytes, null);
console.log("restored step", JSON.parse(takeBytes(bytes)).step);

call("ks_timeline_list", timeline, null, out);
const [list] = out;
const page = Array(10).fill(null);
const count = [0];
call("ks_snapshots_next_batch", list, page, page.length, count);
for (const snapshot of page.slice(0, Number(count[0]))) {
  const { sequence, label, stored } = infoOf(snapshot);
  console.log(`@${sequence} ${label} (${stored < 1000 ? "small" : "large"})`);
}

try {
  call("ks_timeline_restore", timeline, "@9", NUL, bytes, null);
} catch (error) {
  console.log(error.code, error.message);
}
ks.ks_snapshots_free(list);
ks.ks_timeline_free(timeline);
ks.ks_store_free(store);
