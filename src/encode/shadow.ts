import { KeepstateError } from "../errors.js";
import { Encoder } from "./encoder.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { explain } from "./msgpack.js";
import { Kind, Node } from "./node.js";
import { Recorder } from "./recorder.js";
import { NO_KEYS } from "./shape.js";
import { tooLarge } from "./refusal.js";
import { NO_TYPES, type Types } from "./types.js";
import { Walk } from "./walk.js";

export interface ShadowOptions {
  readonly limits?: Partial<Limits> | undefined;
  /** Deeply frozen parts of the state are not looked at again. */
  readonly immutable?: boolean | undefined;
  /** Those of one's own. */
  readonly types?: Types | undefined;
}

/** What one save has to store. Views of buffers that the next capture uses again. */
export interface Capture {
  /**
   * The edits against the bytes of the capture before, as `oldAt, oldSize, outAt, outSize` each,
   * sorted; or nothing, when `bytes` are the whole state.
   */
  readonly edits: Int32Array | undefined;
  /** The new bytes that the edits name. */
  readonly bytes: Uint8Array;
  /** The size of the whole state, encoded. */
  readonly size: number;
}

/**
 * The last captured state, so that the next capture costs what has changed. Applying its edits to
 * the last bytes gives exactly what encoding the whole state would give.
 */
export class Shadow {
  readonly #recorder: Recorder;
  readonly #encoder: Encoder;
  readonly #walk: Walk;
  readonly #limits: Limits;
  /** Holds the state as its one value; nothing while there is no last capture to compare with. */
  #root: Node | undefined;
  #isBusy = false;
  readonly #types: Types;

  constructor(options: ShadowOptions = {}) {
    this.#recorder = new Recorder(options.immutable ?? false);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#types = options.types ?? NO_TYPES;
    const { limits } = options;
    this.#encoder = new Encoder({ limits, recorder: this.#recorder, types: this.#types });
    this.#walk = new Walk(this.#encoder, this.#recorder);
  }

  /**
   * Captures a state as it is now. When the save that this is for fails, call `invalidate`: the
   * saves after it were captured against it, and must fail too.
   */
  capture(value: unknown): Capture {
    if (this.#isBusy) {
      const message = "A getter or toJSON of the state saves that state. Save it from outside.";
      throw new KeepstateError("REENTERED", message);
    }
    const root = this.#root;
    // Until the capture has succeeded there is none to compare with.
    this.#root = undefined;
    this.#isBusy = true;
    this.#encoder.begin();
    this.#walk.begin();
    try {
      return root === undefined ? this.#whole(value) : this.#changes(root, value);
    } catch (error) {
      throw explain(error, value, this.#types);
    } finally {
      this.#isBusy = false;
      this.#walk.end();
      this.#encoder.end();
    }
  }

  /** Forgets the last capture: the next one is of the whole state. */
  invalidate(): void {
    this.#root = undefined;
  }

  #whole(value: unknown): Capture {
    const { out } = this.#encoder;
    const root = new Node(Kind.converted, this, NO_KEYS);
    root.vals = [this.#walk.encode(value)];
    root.ends = [out.at];
    this.#root = root;
    return { edits: undefined, bytes: out.bytes.subarray(0, out.at), size: out.at };
  }

  #changes(root: Node, value: unknown): Capture {
    const { out } = this.#encoder;
    const { frames, edits } = this.#walk;
    frames.push(root);
    this.#walk.step(root, 0, value);
    frames.pop();
    const size = root.ends[0] as number;
    if (size > this.#limits.bytes) throw tooLarge(this.#limits.bytes);
    this.#root = root;
    return { edits: edits.view(), bytes: out.bytes.subarray(0, out.at), size };
  }
}
