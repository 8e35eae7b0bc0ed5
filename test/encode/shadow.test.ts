// Proves that the edits of every capture, applied to the last bytes, give what encoding the whole
// state gives, and that those bytes decode to the state.
import test from "ava";
import { Decoder } from "../../src/encode/decode.js";
import { encodeMsgpack } from "../../src/encode/msgpack.js";
import { Shadow, type Capture } from "../../src/encode/shadow.js";
import { loadAddon } from "./native.js";
import { mutate, Random, value } from "./random.js";

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
class Follower {
  readonly shadow = new Shadow();
  readonly #decoder = new Decoder(new TapeReader());
  bytes: Uint8Array = new Uint8Array(0);

  /** What is wrong with the next capture, if anything. */
  check(state: unknown): string | undefined {
    const capture = this.shadow.capture(state);
    this.bytes = apply(this.bytes, capture);
    const whole = encodeMsgpack(state);
    if (Buffer.compare(this.bytes, whole) !== 0) return "the edits do not give the whole encoding";
    if (capture.size !== whole.length) return "the size is wrong";
    const restored = this.#decoder.decode(this.bytes);
    const saved = encodeMsgpack(restored);
    // A class instance comes back as a plain object, so that what is compared is the encoding.
    return Buffer.compare(saved, whole) === 0 ? undefined : "the restored state is another";
  }
}

/** Forty captures of one random state that changes in between; what is wrong, if anything. */
function follow(seed: number): string | undefined {
  const random = new Random(seed);
  const follower = new Follower();
  const list = Array.from({ length: 12 }, () => value(random, 3));
  const root = { state: value(random, 5), list };
  for (let save = 0; save < 40; save++) {
    const wrong = follower.check(root);
    if (wrong !== undefined) return `seed ${seed}, save ${save}: ${wrong}`;
    for (let changes = random.below(4); changes > 0; changes--) mutate(random, root);
  }
  return undefined;
}

for (const part of [0, 1, 2, 3]) {
  test(`random changes in place, 6,000 captures, part ${part}`, (t) => {
    t.timeout(120_000);
    for (let seed = part * 150; seed < part * 150 + 150; seed++) t.is(follow(seed), undefined);
  });
}
