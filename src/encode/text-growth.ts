import { writeStringHeader } from "./scalars.js";
import type { Walker } from "./walker.js";

/** Shorter text is encoded again: that costs less than finding out. */
const LONG = 256;

interface Growth {
  readonly before: string;
  readonly value: string;
  /** The size of the old text's encoding, and where it ends in its container. */
  readonly size: number;
  readonly end: number;
}

/**
 * Text to which something was appended, as streamed answers are: only the header and the tail are
 * written. Gives the growth in bytes, or 0 when the text did not grow this way.
 */
export function appended(walk: Walker, { before, value, size, end }: Growth): number {
  const { length } = before;
  if (length < LONG || value.length <= length) return 0;
  if (value.slice(0, length) !== before || !value.isWellFormed()) return 0;
  const tail = value.slice(length);
  // A surrogate pair that the tail completes: the old text was no text, and had another form.
  if (!tail.isWellFormed()) return 0;
  const { out } = walk.encoder;
  const base = walk.frames.base();
  // The text has 256 bytes at least, so that its header has three or five.
  const head = size <= 3 + 0xffff ? 3 : 5;
  const added = Buffer.byteLength(tail);
  const headAt = out.at;
  writeStringHeader(out, size - head + added);
  const tailAt = out.at;
  out.reserve(added);
  out.at += out.bytes.write(tail, tailAt);
  const start = base + end - size;
  walk.edits.add({ oldAt: start, oldSize: head, outAt: headAt, outSize: tailAt - headAt });
  walk.edits.add({ oldAt: base + end, oldSize: 0, outAt: tailAt, outSize: added });
  return tailAt - headAt - head + added;
}
