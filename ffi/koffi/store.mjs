// A store in JavaScript: a Map, as a ks_store_vtable.
//
// A synchronous call runs the functions on the calling thread, so that it may come from the main
// thread. An asynchronous one runs on a thread of koffi's, which hands each callback to the main
// thread and waits; so the main thread must not wait for it by a blocking call. Both are shown.
//
//   node ffi/koffi/store.mjs

import koffi from "koffi";
import { call, callAsync, constants, infoOf, ks, NUL, options, takeBytes } from "./keepstate.mjs";

const { KS_OK, KS_NOT_FOUND, KS_CONFLICT } = constants;
const { KS_STEP_PUT, KS_STEP_DELETE, KS_PUT_OVERWRITE } = constants;
const map = new Map();
let writes = 0;
let dropped = false;

const textOf = (pointer, length) =>
  pointer ? koffi.decode.string(pointer, Number(length)) : undefined;
const bytesOf = (pointer, length) =>
  Number(length) === 0 ? Buffer.alloc(0) :
  Buffer.from(koffi.decode(pointer, koffi.array("uint8_t", Number(length), "Typed")));

/** Answers with bytes of the library's own: `place` is where it wants them. */
function answer(place, bytes) {
  const copy = {};
  call("ks_bytes_copy", bytes, bytes.length, copy);
  koffi.encode(place, "ks_bytes", copy);
}

/** An exception must not leave a callback: whatever goes wrong is a status. */
const guarded = (work) => (...words) => {
  try {
    return work(...words);
  } catch {
    return constants.KS_INTERNAL;
  }
};

const holds = (step) => {
  const version = textOf(step.version, step.version_len);
  const there = map.get(textOf(step.key, step.key_len))?.version;
  const isPut = step.kind === KS_STEP_PUT;
  const free = isPut ? step.mode === KS_PUT_OVERWRITE : step.kind === KS_STEP_DELETE;
  return version === undefined ? free || there === undefined : there === version;
};

const get = guarded((_, key, keyLength, value, version) => {
  const slot = map.get(textOf(key, keyLength));
  if (!slot) return KS_NOT_FOUND;
  answer(value, slot.value);
  answer(version, Buffer.from(slot.version));
  return KS_OK;
});

const commit = guarded((_, first, count, versions, applied) => {
  const steps = koffi.decode(first, koffi.array("ks_step", Number(count)));
  if (!steps.every(holds)) return KS_CONFLICT;
  steps.forEach((step, index) => {
    const key = textOf(step.key, step.key_len);
    if (step.kind === KS_STEP_DELETE) map.delete(key);
    if (step.kind !== KS_STEP_PUT) return;
    const version = String(++writes);
    map.set(key, { value: bytesOf(step.value, step.value_len), version });
    answer(versions + BigInt(index * koffi.sizeof("ks_bytes")), Buffer.from(version));
  });
  koffi.encode(applied, "size_t", Number(count));
  return KS_OK;
});

const list = guarded((_, prefix, prefixLength, after, afterLength, limit, sink) => {
  const [start, behind] = [textOf(prefix, prefixLength), textOf(after, afterLength)];
  const keys = [...map.keys()].filter((key) => key.startsWith(start) && !(key <= behind)).sort();
  for (const key of keys.slice(0, Number(limit))) {
    const { value, version } = map.get(key);
    const [name, word] = [Buffer.from(key), Buffer.from(version)];
    const entry = { key: name, key_len: name.length, version: word, version_len: word.length };
    call("ks_sink_add", sink, { ...entry, size: value.length, modified: 0 });
  }
  call("ks_sink_end", sink);
  return KS_OK;
});

const functions = { get, commit, list, drop: () => { dropped = true; } };
const registered = Object.entries(functions).map(([name, work]) => [
  name,
  koffi.register(work, `ks_store_vtable_${name} *`),
]);
const abilities = ["COMMIT", "CONDITIONAL_PUT", "CONDITIONAL_DELETE"];
const flags = abilities.reduce((sum, name) => sum + constants[`KS_VTABLE_${name}`], 0);
const plain = { userdata: null, flags, reserved: 0, max_value: 0 };
const table = { ...plain, ...Object.fromEntries(registered) };
const out = [null];
call("ks_store_from_vtable", options("ks_store_vtable", table), out);
const [store] = out;
call("ks_timeline_open", store, "js", NUL, "run", NUL, null, out);
const [timeline] = out;

for (const text of ["one", "two"]) {
  call("ks_timeline_save", timeline, Buffer.from(text), text.length, null, out);
  console.log("saved", infoOf(out[0]).reference);
  ks.ks_snapshot_free(out[0]);
}
await callAsync("ks_timeline_save", timeline, Buffer.from("three"), 5, null, null);
const bytes = {};
await callAsync("ks_timeline_restore", timeline, "@3", NUL, bytes, null);
console.log("restored", takeBytes(bytes).toString());
call("ks_timeline_restore", timeline, "@1", NUL, bytes, null);
console.log("restored", takeBytes(bytes).toString(), "of", map.size, "values");

ks.ks_timeline_free(timeline);
ks.ks_store_free(store);
for (const [, callback] of registered) koffi.unregister(callback);
console.log(dropped ? "dropped" : "left");
