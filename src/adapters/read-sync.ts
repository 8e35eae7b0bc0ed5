/**
 * Values that are read at once. A buffer of its own costs more than reading a small value does, so
 * small values share one, each with bytes of its own, as Node's own Buffers do.
 */

import { markAsUntransferable } from "node:worker_threads";

import type { NativeStore } from "../native/addon.js";

const SHARED = 1 << 15;
/** A larger value gets a buffer of its own. */
const SMALL = 1 << 12;

let room: Uint8Array = new Uint8Array(0);
let used = 0;

/** The value of a key; a number below 0 where the core has none. */
export function readSync(handle: NativeStore, key: string): Uint8Array | number {
  if (room.length - used < SMALL) renew();
  const length = handle.getSync(key, room, used);
  if (length < 0) return length;
  if (length > room.length - used) return readLarge(handle, key, length);
  if (length > SMALL) return new Uint8Array(room.subarray(used, used + length));
  const value = new Uint8Array(room.buffer, used, length);
  // The next value begins at a multiple of 8, so that views of numbers can be laid over it.
  used += (length + 7) & ~7;
  return value;
}

function renew(): void {
  // Every byte is written before it is given out: zeros would be for nothing.
  room = Buffer.allocUnsafeSlow(SHARED);
  used = 0;
  // Who hands one value to another thread must not take the others' bytes along.
  markAsUntransferable(room.buffer);
}

/** A value may change its length from one look to the next. */
function readLarge(handle: NativeStore, key: string, length: number): Uint8Array | number {
  let own = new Uint8Array(length);
  for (;;) {
    const found = handle.getSync(key, own, 0);
    if (found < 0) return found;
    if (found <= own.length) return own.subarray(0, found);
    own = new Uint8Array(found);
  }
}
