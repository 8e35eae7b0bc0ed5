// What Node itself brings: node:crypto, node:zlib, and the calls that are the boundary's floor.
import { createHash, hash, randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import * as zlib from "node:zlib";

const { constants } = zlib;

const gzip = (level) => ({
  compress: (bytes) => zlib.gzipSync(bytes, { level }),
  decompress: (bytes) => zlib.gunzipSync(bytes),
});

const brotli = (quality) => ({
  compress: (bytes) =>
    zlib.brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
  decompress: (bytes) => zlib.brotliDecompressSync(bytes),
});

const ZLIB = { "gzip 1": gzip(1), "gzip 6": gzip(6), "brotli 4": brotli(4) };

export const codecs = [
  { name: "node:zlib", offers: Object.keys(ZLIB), open: () => (codec) => ZLIB[codec] },
];

const oneShot =
  typeof hash === "function"
    ? (bytes) => hash("sha256", bytes, "buffer")
    : (bytes) => createHash("sha256").update(bytes).digest();

export const hashes = [{ name: "node:crypto", offers: ["sha256"], open: () => () => oneShot }];

const random = promisify(randomBytes);
const SMALL = Buffer.alloc(16, 7);
const MEGABYTE = Buffer.alloc(1 << 20, 7);

const CALLS = {
  "smallest call sync": () => process.hrtime.bigint(),
  "16 B in sync": () => Buffer.compare(SMALL, SMALL),
  "1 MB in and out sync": () => Buffer.from(MEGABYTE),
  "smallest promise": () => random(16),
  "100 promises": () => Promise.all(Array.from({ length: 100 }, () => random(16))),
  "get 100 B": () => stat("."),
};

export const calls = [{ name: "node", offers: Object.keys(CALLS), open: () => CALLS }];
