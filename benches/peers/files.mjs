// What people write by hand: one JSON file per state, plain or gzipped, with or without fsync.
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const PLAIN = { encode: (state) => JSON.stringify(state), decode: (bytes) => JSON.parse(bytes) };

const gzipped = (level) => ({
  encode: (state) => gzipSync(JSON.stringify(state), { level }),
  decode: (bytes) => JSON.parse(gunzipSync(bytes).toString()),
});

function writeDurably(path, content) {
  const file = openSync(path, "w");
  writeFileSync(file, content);
  fsyncSync(file);
  closeSync(file);
}

function openStates(folder, { form, durable }) {
  const write = durable ? writeDurably : writeFileSync;
  const pathOf = (k) => `${folder}/${String(k).padStart(8, "0")}.json`;
  const read = (path) => form.decode(readFileSync(path));
  return {
    save: (state, k) => write(pathOf(k), form.encode(state)),
    restore: (k) => read(pathOf(k)),
    latest: () => read(`${folder}/${readdirSync(folder).sort().at(-1)}`),
    close: () => {},
  };
}

const statesOf = (name, modes, form) => ({
  name,
  modes,
  open: (folder) => openStates(folder, { form, durable: modes.includes("durable") }),
});

export const states = [
  statesOf("JSON files", ["async"], PLAIN),
  statesOf("JSON files fsync", ["durable"], PLAIN),
  statesOf("gzip-1 files", ["async"], gzipped(1)),
  statesOf("gzip-6 files", ["async"], gzipped(6)),
  statesOf("gzip-6 files fsync", ["durable"], gzipped(6)),
];
