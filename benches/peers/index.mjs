// Who takes part. Every file here, and ours.mjs, exports lists of contestants by kind; listing them
// loads none of their packages, only `open` does, so that a peer that is not installed is left out
// by name instead of breaking the run.
//
//   states  {name, modes, open(folder)}  -> {save(state, k), restore(k), latest(last), close(),
//                                            pack?()}
//   kv      {name, modes, open(folder)}  -> {set(key, value), many: [put(pairs)],
//                                            gets: [get(key)], value?(bytes), close()}
//   codecs  {name, offers, open()}       -> (codec) => {compress?(bytes), decompress(bytes)}
//   hashes  {name, offers, open()}       -> (digest) => (bytes) => anything
//   streams {name, modes, open(folder)}  -> {save(pieces), restore(), close(), figures?()}
//   calls   {name, offers, open(folder)} -> {[call]: (index) => anything, close?()}
//
// `modes` says what an acknowledged write is: "async" (handed to the system), "durable" (on disk),
// or "packed" (no store: only its bytes are told).
import * as betterSqlite3 from "./better-sqlite3.mjs";
import * as classicLevel from "./classic-level.mjs";
import * as crate from "./crate.mjs";
import * as fflate from "./fflate.mjs";
import * as disk from "./disk.mjs";
import * as files from "./files.mjs";
import * as fzstd from "./fzstd.mjs";
import * as hashWasm from "./hash-wasm.mjs";
import * as keyv from "./keyv.mjs";
import * as langgraph from "./langgraph.mjs";
import * as lmdb from "./lmdb.mjs";
import * as lz4Napi from "./lz4-napi.mjs";
import * as noble from "./noble.mjs";
import * as node from "./node.mjs";
import * as ours from "../ours.mjs";
import * as pako from "./pako.mjs";
import * as unstorage from "./unstorage.mjs";
import * as zstdChain from "./zstd-chain.mjs";
import * as zstdNapi from "./zstd-napi.mjs";

const ALL = [
  ours,
  lmdb,
  betterSqlite3,
  classicLevel,
  disk,
  files,
  langgraph,
  keyv,
  unstorage,
  zstdChain,
  node,
  hashWasm,
  noble,
  zstdNapi,
  lz4Napi,
  fflate,
  pako,
  fzstd,
  crate,
];

/** Everybody of a kind; a name may occur once per mode, an id only once. */
export async function contestants(kind) {
  return ALL.flatMap((module) => module[kind] ?? []).map((one) => ({
    ...one,
    id: one.modes?.length === 1 && one.name === "ours" ? `ours ${one.modes[0]}` : one.name,
  }));
}

export async function contestant(kind, id) {
  const found = (await contestants(kind)).find((one) => one.id === id);
  if (found) return found;
  throw new Error(`There is no contestant "${id}" of kind "${kind}".`);
}
