import type { Output } from "./output.js";

/** The ext types of the format; docs/encoding.md describes each payload. */
export const EXT = {
  absent: 0,
  bigint: 0x42,
  invalidDate: 0x44,
  error: 0x45,
  map: 0x4d,
  regexp: 0x52,
  set: 0x53,
  named: 0x54,
  utf16: 0x55,
  typed: 0x74,
  timestamp: 0xff,
} as const;

declare global {
  interface String {
    isWellFormed(): boolean;
  }
}

const TWO_32 = 2 ** 32;
// Below this length a loop over characters beats a call into the runtime.
const SHORT = 24;
// Above this length the exact size is asked for, instead of reserving three bytes a character.
const LONG = 1 << 20;

export function writeNil(out: Output): void {
  out.reserve(1);
  out.bytes[out.at++] = 0xc0;
}

export function writeBoolean(out: Output, value: boolean): void {
  out.reserve(1);
  out.bytes[out.at++] = value ? 0xc3 : 0xc2;
}

/** `undefined` as an object's value or an array's slot. */
export function writeUndefined(out: Output): void {
  writeExtHeader(out, EXT.absent, 0);
}

/** A slot that an array does not have. */
export function writeHole(out: Output): void {
  writeExtHeader(out, EXT.absent, 1);
  out.reserve(1);
  out.bytes[out.at++] = 1;
}

export function writeNumber(out: Output, n: number): void {
  out.reserve(9);
  if ((n | 0) === n && (n !== 0 || Object.is(n, 0))) return writeInt32(out, n);
  const { bytes, view } = out;
  const at = out.at;
  if (n !== 0 && Number.isSafeInteger(n)) {
    if (n > 0 && n < TWO_32) {
      bytes[at] = 0xce;
      view.setUint32(at + 1, n);
      out.at = at + 5;
      return;
    }
    bytes[at] = 0xd3;
    view.setInt32(at + 1, Math.floor(n / TWO_32));
    view.setUint32(at + 5, n >>> 0);
  } else {
    bytes[at] = 0xcb;
    // The bits of a NaN are the engine's business: one fixed NaN keeps the encoding a function.
    if (n !== n) view.setUint32(at + 1, 0x7ff80000), view.setUint32(at + 5, 0);
    else view.setFloat64(at + 1, n);
  }
  out.at = at + 9;
}

function writeInt32(out: Output, n: number): void {
  const { bytes } = out;
  let at = out.at;
  if (n >= 0) {
    if (n < 0x80) {
      bytes[at++] = n;
    } else if (n < 0x100) {
      bytes[at++] = 0xcc;
      bytes[at++] = n;
    } else if (n < 0x10000) {
      bytes[at++] = 0xcd;
      bytes[at++] = n >> 8;
      bytes[at++] = n;
    } else {
      bytes[at++] = 0xce;
      out.view.setUint32(at, n);
      at += 4;
    }
  } else if (n >= -32) {
    bytes[at++] = n;
  } else if (n >= -0x80) {
    bytes[at++] = 0xd0;
    bytes[at++] = n;
  } else if (n >= -0x8000) {
    bytes[at++] = 0xd1;
    bytes[at++] = n >> 8;
    bytes[at++] = n;
  } else {
    bytes[at++] = 0xd2;
    out.view.setInt32(at, n);
    at += 4;
  }
  out.at = at;
}

/** The encoded size of a number, as `writeNumber` would write it. */
export function sizeOfNumber(n: number): number {
  if ((n | 0) === n && (n !== 0 || Object.is(n, 0))) {
    if (n >= -32 && n < 0x80) return 1;
    if (n >= -0x80 && n < 0x100) return 2;
    return n >= -0x8000 && n < 0x10000 ? 3 : 5;
  }
  return n > 0 && n < TWO_32 && Number.isInteger(n) ? 5 : 9;
}

export function writeString(out: Output, text: string): void {
  const length = text.length;
  if (length >= SHORT) return writeLong(out, text);
  out.reserve(1 + length * 3);
  const { bytes } = out;
  let at = out.at + 1;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return writeLong(out, text);
    bytes[at++] = unit;
  }
  bytes[out.at] = 0xa0 | length;
  out.at = at;
}

/** Guesses the header from the length in UTF-16 units; moves the text when it has grown past it. */
function writeLong(out: Output, text: string): void {
  const { length } = text;
  const most = length < LONG ? length * 3 : Buffer.byteLength(text);
  const guess = stringHeaderSize(length);
  out.reserve(5 + most);
  const start = out.at;
  const size = out.bytes.write(text, start + guess, most);
  if (size !== length) {
    if (!text.isWellFormed()) return writeUtf16(out, text);
    const real = stringHeaderSize(size);
    if (real !== guess) out.bytes.copyWithin(start + real, start + guess, start + guess + size);
  }
  writeStringHeader(out, size);
  out.at += size;
}

function stringHeaderSize(size: number): number {
  return size < 32 ? 1 : size < 0x100 ? 2 : size < 0x10000 ? 3 : 5;
}

export function writeStringHeader(out: Output, size: number): void {
  if (size < 32) {
    out.reserve(1);
    out.bytes[out.at++] = 0xa0 | size;
  } else {
    writeSized(out, 0xd9, size);
  }
}

/** Text with a lone surrogate is no Unicode text: its units are kept, little endian. */
function writeUtf16(out: Output, text: string): void {
  writeExtHeader(out, EXT.utf16, text.length * 2);
  out.reserve(text.length * 2);
  out.at += out.bytes.write(text, out.at, "utf16le");
}

export function writeBytes(out: Output, value: Uint8Array): void {
  writeSized(out, 0xc4, value.length);
  writeRaw(out, value);
}

export function writeRaw(out: Output, value: Uint8Array): void {
  out.reserve(value.length);
  out.bytes.set(value, out.at);
  out.at += value.length;
}

/** The header of a `bin` or `str`: `first` is the code of its 8-bit form, the others follow. */
function writeSized(out: Output, first: number, size: number): void {
  out.reserve(5);
  const { bytes } = out;
  if (size < 0x100) {
    bytes[out.at++] = first;
    bytes[out.at++] = size;
  } else if (size < 0x10000) {
    bytes[out.at++] = first + 1;
    bytes[out.at++] = size >> 8;
    bytes[out.at++] = size;
  } else {
    bytes[out.at] = first + 2;
    out.view.setUint32(out.at + 1, size);
    out.at += 5;
  }
}

export function writeArrayHeader(out: Output, count: number): void {
  writeCount(out, 0x90, count);
}

export function writeMapHeader(out: Output, count: number): void {
  writeCount(out, 0x80, count);
}

/** The header of an array (`fix` 0x90) or a map (0x80). */
function writeCount(out: Output, fix: number, count: number): void {
  out.reserve(5);
  const { bytes } = out;
  if (count < 16) {
    bytes[out.at++] = fix | count;
    return;
  }
  const wide = fix === 0x90 ? 0xdc : 0xde;
  if (count < 0x10000) {
    bytes[out.at++] = wide;
    bytes[out.at++] = count >> 8;
    bytes[out.at++] = count;
  } else {
    bytes[out.at] = wide + 1;
    out.view.setUint32(out.at + 1, count);
    out.at += 5;
  }
}

/** The size of an array's or a map's header. */
export function countHeaderSize(count: number): number {
  return count < 16 ? 1 : count < 0x10000 ? 3 : 5;
}

/** The size of an ext's header, its type byte included. */
export function extHeaderSize(size: number): number {
  if (size === 1 || size === 2 || size === 4 || size === 8 || size === 16) return 2;
  return size < 0x100 ? 3 : size < 0x10000 ? 4 : 6;
}

export function writeExtHeader(out: Output, type: number, size: number): void {
  out.reserve(6);
  const { bytes } = out;
  if (extHeaderSize(size) === 2) bytes[out.at++] = 0xd4 + Math.log2(size);
  else writeSized(out, 0xc7, size);
  bytes[out.at++] = type;
}

/** Two's complement, big endian, no more bytes than needed. */
export function writeBigInt(out: Output, value: bigint): void {
  const magnitude = value < 0n ? ~value : value;
  const bits = magnitude === 0n ? 1 : bitLength(magnitude) + 1;
  const size = Math.ceil(bits / 8);
  const digits = BigInt.asUintN(size * 8, value).toString(16).padStart(size * 2, "0");
  writeExtHeader(out, EXT.bigint, size);
  out.reserve(size);
  out.at += out.bytes.write(digits, out.at, "hex");
}

function bitLength(positive: bigint): number {
  const hex = positive.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0] as string, 16)) + 28;
}

/** A timestamp ext in the smallest of its three forms; an invalid Date is an ext of its own. */
export function writeTimestamp(out: Output, time: number): void {
  if (Number.isNaN(time)) return writeExtHeader(out, EXT.invalidDate, 0);
  const seconds = Math.floor(time / 1000);
  const nanoseconds = (time - seconds * 1000) * 1e6;
  const isShort = seconds >= 0 && seconds < 2 ** 34;
  const size = !isShort ? 12 : nanoseconds === 0 && seconds < TWO_32 ? 4 : 8;
  writeExtHeader(out, EXT.timestamp, size);
  out.reserve(12);
  const { view, at } = out;
  if (size === 4) {
    view.setUint32(at, seconds);
  } else if (size === 8) {
    view.setUint32(at, nanoseconds * 4 + Math.floor(seconds / TWO_32));
    view.setUint32(at + 4, seconds % TWO_32);
  } else {
    view.setUint32(at, nanoseconds);
    view.setInt32(at + 4, Math.floor(seconds / TWO_32));
    view.setUint32(at + 8, ((seconds % TWO_32) + TWO_32) % TWO_32);
  }
  out.at = at + size;
}
