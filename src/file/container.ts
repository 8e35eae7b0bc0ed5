/**
 * The binary form of a single file, `.ks`: any bytes, compressed, with metadata (FORMAT.md 11).
 *
 *     magic "KSFILE\x1a\n" | version u16 | bits u16 | text codec | bytes metadata (JSON)
 *     varint raw length | sha256 of the raw bytes | bytes stored | crc32c u32 of all before
 */

import { KeepstateError } from "../errors.js";
import { value } from "../native/record.js";
import { native } from "../native.js";
import type { FileMetadata } from "./metadata.js";

const MAGIC = Buffer.from("KSFILE\x1a\n", "latin1");
const FORMAT_VERSION = 1;
const HASH = 32;

/** The parts of a `.ks` file. */
export interface Container {
  readonly codec: string;
  readonly metadata: FileMetadata;
  readonly rawLength: number;
  /** Hex digits. */
  readonly sha256: string;
  readonly stored: Uint8Array;
}

/** The bytes of a file. */
export function writeContainer(parts: Container): Uint8Array {
  const head = Buffer.concat([MAGIC, Buffer.from([FORMAT_VERSION, 0, 0, 0])]);
  const body = Buffer.concat([
    head,
    sized(Buffer.from(parts.codec)),
    sized(Buffer.from(JSON.stringify(parts.metadata))),
    varint(parts.rawLength),
    Buffer.from(parts.sha256, "hex"),
    sized(parts.stored),
  ]);
  return Buffer.concat([body, checksum(body)]);
}

/** The parts of a file whose checksum holds. Its content is proven only when it was decompressed. */
export function readContainer(bytes: Uint8Array): Container {
  if (Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw new KeepstateError("NOT_OURS", "It does not begin as a .ks file does.");
  }
  const reader = new Reader(bytes, MAGIC.length);
  const version = reader.u16();
  const bits = reader.u16();
  if (version > FORMAT_VERSION || bits !== 0) {
    const message = `It has format version ${version}. Restore it with a newer Keepstate.`;
    throw new KeepstateError("FORMAT_TOO_NEW", message);
  }
  const body = bytes.subarray(0, Math.max(0, bytes.length - 4));
  if (Buffer.compare(checksum(body), bytes.subarray(body.length)) !== 0) throw damaged();
  const codec = reader.text();
  const metadata = json(reader.text());
  const rawLength = reader.varint();
  const sha256 = Buffer.from(reader.take(HASH)).toString("hex");
  return { codec, metadata, rawLength, sha256, stored: reader.take(reader.varint()) };
}

class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  take(length: number): Uint8Array {
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    if (part.length !== length) throw damaged();
    this.#at += length;
    return part;
  }

  u16(): number {
    const [low = 0, high = 0] = this.take(2);
    return low + high * 256;
  }

  varint(): number {
    let number = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const [byte = 0] = this.take(1);
      number += (byte & 127) * scale;
      if (byte < 128 && Number.isSafeInteger(number)) return number;
    }
    throw damaged();
  }

  text(): string {
    return Buffer.from(this.take(this.varint())).toString();
  }
}

function json(text: string): FileMetadata {
  try {
    return JSON.parse(text) as FileMetadata;
  } catch (cause) {
    throw damaged(cause);
  }
}

function varint(number: number): Uint8Array {
  const bytes: number[] = [];
  let rest = number;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.from([...bytes, rest]);
}

function sized(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** CRC-32C, little-endian. */
function checksum(bytes: Uint8Array): Uint8Array {
  return Buffer.from(value(native().digestSync("crc32c", bytes)), "hex").reverse();
}

function damaged(cause?: unknown): KeepstateError {
  const message = "The file is cut or damaged. Restore it from a copy.";
  return new KeepstateError("CORRUPT", message, { cause });
}
