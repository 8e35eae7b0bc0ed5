// What every capture has to give: edits that make the whole encoding of the last bytes.
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow, type Capture } from "../../src/encode/shadow.js";
import { loadAddon } from "./native.js";

const { TapeReader } = loadAddon();

/** The new bytes, from the last ones and the edits; the edits must be sorted and apart. */
function apply(last: Uint8Array, { edits, bytes }: Capture): Uint8Array {
  if (edits === undefined) return new Uint8Array(bytes);
  const parts: Uint8Array[] = [];
  let done = 0;
  for (let i = 0; i < edits.length; i += 4) {
    const [oldAt, oldSize, outAt, outSize] = edits.subarray(i, i + 4) as unknown as number[];
    if (oldAt! < done || oldSize! < 0 || outSize! < 0) throw new Error("edits are out of order");
    parts.push(last.subarray(done, oldAt), bytes.subarray(outAt, outAt! + outSize!));
    done = oldAt! + oldSize!;
  }
  if (done > last.length) throw new Error("an edit is out of bounds");
  parts.push(last.subarray(done));
  return Buffer.concat(parts);
}

/** Follows one state through captures. */
export class Follower {
  readonly shadow: Shadow;
  readonly #decoder = new Decoder(new TapeReader());
  bytes: Uint8Array = new Uint8Array(0);
  written = 0;

  constructor(shadow: Shadow = new Shadow()) {
    this.shadow = shadow;
  }

  /** What is wrong with the next capture, if anything. */
  check(state: unknown, isRestored: boolean): string | undefined {
    const capture = this.shadow.capture(state);
    this.written = capture.bytes.length;
    this.bytes = apply(this.bytes, capture);
    const whole = encodeMsgpack(state);
    if (Buffer.compare(this.bytes, whole) !== 0) return "the edits do not give the whole encoding";
    if (capture.size !== whole.length) return "the size is wrong";
    if (!isRestored) return undefined;
    const restored = this.#decoder.decode(this.bytes);
    const saved = encodeMsgpack(restored);
    // A class instance comes back as a plain object, so that what is compared is the encoding.
    return Buffer.compare(saved, whole) === 0 ? undefined : "the restored state is another";
  }
}
