// What a disk and one core can do at most: a plain file, written with one fsync at its end, and
// BLAKE3 of as many bytes. Whatever keeps and proves bytes cannot be faster than both.
import { createReadStream, openSync, closeSync, fsyncSync, writeSync } from "node:fs";

import { hashes } from "../ours.mjs";

const MEGABYTE = 1 << 20;

/** BLAKE3 as this package's addon offers it, in MB/s. */
async function blake3() {
  const hash = (await hashes[0].open())("blake3");
  const bytes = Buffer.alloc(MEGABYTE, 7);
  const begun = performance.now();
  for (let n = 0; n < 256; n += 1) hash(bytes);
  return (256 * MEGABYTE) / 1e3 / (performance.now() - begun);
}

async function openFile(folder) {
  const path = `${folder}/plain`;
  const rate = await blake3();
  return {
    blake3: rate,
    figures: () => ({ "BLAKE3 MB/s": rate }),
    save(pieces) {
      const file = openSync(path, "w");
      for (const piece of pieces) writeSync(file, piece);
      fsyncSync(file);
      closeSync(file);
    },
    restore: () => createReadStream(path, { highWaterMark: 4 * MEGABYTE }),
    close: () => undefined,
  };
}

export const streams = [
  { name: "least of disk and BLAKE3", modes: ["durable"], open: openFile },
];
