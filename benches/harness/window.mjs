// Counting windows: how often a call completes within a stretch of time.

import { median } from "./numbers.mjs";

const BATCH = 32;

/** Calls of a synchronous `call(index)` per second. */
export function syncRate(call, seconds) {
  for (let index = 0; index < BATCH; index += 1) call(index);
  const start = performance.now();
  const end = start + seconds * 1000;
  let done = 0;
  let now = start;
  while (now < end) {
    for (let index = 0; index < BATCH; index += 1) call(done + index);
    done += BATCH;
    now = performance.now();
  }
  return done / ((now - start) / 1000);
}

/** Calls of an asynchronous `call(index)` per second, each awaited before the next. */
export async function asyncRate(call, seconds) {
  await call(0);
  const start = performance.now();
  const end = start + seconds * 1000;
  let done = 0;
  let now = start;
  while (now < end) {
    await call(done);
    done += 1;
    now = performance.now();
  }
  return done / ((now - start) / 1000);
}

/** The rate of a call of either kind: what it returns tells. */
export async function rate(call, seconds) {
  const first = call(0);
  if (typeof first?.then !== "function") return syncRate(call, seconds);
  await first;
  return asyncRate(call, seconds);
}

/**
 * Long calls (a codec on a whole state): at least three, timed one by one, the median counts. A
 * fifth of the window goes before uncounted, for the compiler and the allocator to settle.
 */
export function callSeconds(call, seconds) {
  repeated(call, seconds / 5);
  return median(repeated(call, seconds));
}

function repeated(call, seconds) {
  const times = [];
  const end = performance.now() + seconds * 1000;
  while (times.length < 3 || performance.now() < end) {
    const start = performance.now();
    call();
    times.push((performance.now() - start) / 1000);
  }
  return times;
}
