/** Verifying a timeline, and all that a store holds. */

import { KeepstateError } from "../errors.js";
import { raised } from "../native/record.js";
import type { CallOptions } from "../ports/store.js";
import type { EmbeddedStore } from "../ports/embedded.js";
import type { TimelineCore } from "./core.js";
import { isDamage } from "./damage.js";
import type { TimelineEntry } from "./names.js";
import { checkKnown, invalid, type SignalOptions } from "./options.js";
import type { TimelineName } from "./reference.js";

/** What verifying takes. */
export interface VerifyOptions extends SignalOptions {
  /** Called now and then. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** How far a verification is. */
export interface VerifyProgress {
  /** What is read now: a timeline or a file by its name, or `store` for its own bytes. */
  readonly reading: string;
  /** How much of that is done, from 0 to 1. */
  readonly part: number;
  /** How many timelines are done. */
  readonly timelines: number;
  /** How many snapshots are done, and how many bytes their states have. */
  readonly snapshots: number;
  readonly bytes: number;
}

/** What `verify` found. */
export interface Verified {
  readonly snapshots: number;
  /** How many bytes of states were rebuilt and proven. */
  readonly bytes: number;
  /** An empty list means that everything holds. */
  readonly damage: readonly KeepstateError[];
}

/** What `ks.verify` found. */
export interface StoreVerified extends Verified {
  readonly timelines: number;
  /** How many single files were proven. */
  readonly files: number;
}

/** What is in a store. The engine wires it. */
export interface Holding {
  readonly store: { readonly verify?: EmbeddedStore["verify"] | undefined };
  timelines(prefix: string, options: CallOptions): AsyncIterable<TimelineEntry>;
  timeline(of: TimelineName): {
    verify(ref?: string, options?: VerifyOptions): Promise<Verified>;
  };
  files(prefix: string, options: CallOptions): AsyncIterable<{ readonly key: string }>;
  file(key: string): { verify(options: SignalOptions): Promise<void> };
}

/** Checks what a verification was given. */
export function checkVerify(options: VerifyOptions): void {
  checkKnown("verify", options, ["onProgress", "signal"]);
  const { onProgress } = options;
  if (onProgress === undefined || typeof onProgress === "function") return;
  throw invalid(`onProgress must be a function, not ${String(onProgress)}.`);
}

/** All of a timeline, or one snapshot. Damage is listed, also where nothing can be read for it. */
export async function verifyTimeline(
  { core, ref, reading }: { core: TimelineCore; ref: string | undefined; reading: string },
  { onProgress, signal }: VerifyOptions,
): Promise<Verified> {
  const teller = new Teller(reading, onProgress);
  try {
    const tell = onProgress && teller.tell;
    const told = await core.verify({ ref, tell }, signal);
    teller.end(told);
    return { ...told, damage: told.damage.map((record) => raised(record, verifyTimeline)) };
  } catch (error) {
    return { snapshots: 0, bytes: 0, damage: [damageOf(error)] };
  }
}

/** Tells of a timeline, to its end: what is still on its way then comes too late. */
class Teller {
  readonly #reading: string;
  readonly #listener: VerifyOptions["onProgress"];
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(reading: string, listener: VerifyOptions["onProgress"]) {
    this.#reading = reading;
    this.#listener = listener;
  }

  readonly tell = (snapshots: number, bytes: number, done: number, total: number): void => {
    if (this.#isOver || this.#failure) return;
    const part = total ? done / total : 1;
    try {
      this.#listener?.({ reading: this.#reading, part, timelines: 0, snapshots, bytes });
    } catch (error) {
      // It is called from nowhere: whoever waits for the verification is told.
      this.#failure = { error };
    }
  };

  end({ snapshots, bytes }: { readonly snapshots: number; readonly bytes: number }): void {
    this.tell(snapshots, bytes, 1, 1);
    this.#isOver = true;
    if (this.#failure) throw this.#failure.error;
  }
}

/** Everything: the store's own bytes where it can check them, each timeline, each single file. */
export async function verifyStore(of: Holding, options: VerifyOptions): Promise<StoreVerified> {
  const { signal } = options;
  const sum = { timelines: 0, snapshots: 0, bytes: 0, files: 0 };
  const damage: KeepstateError[] = [];
  const tell = (reading: string, part: number, more = { snapshots: 0, bytes: 0 }): void =>
    options.onProgress?.({
      reading,
      part,
      timelines: sum.timelines,
      snapshots: sum.snapshots + more.snapshots,
      bytes: sum.bytes + more.bytes,
    });
  damage.push(...(await verifyBytes(of.store, signal, (part) => tell("store", part))));
  for await (const entry of of.timelines("", { signal })) {
    tell(entry.ref, 0);
    const { agent, session, ref } = entry;
    const onProgress = (at: VerifyProgress): void => tell(ref, at.part, at);
    const timeline = of.timeline({ agent, session });
    const verified = await timeline.verify(undefined, { signal, onProgress });
    damage.push(...verified.damage);
    sum.timelines++;
    sum.snapshots += verified.snapshots;
    sum.bytes += verified.bytes;
  }
  for await (const { key } of of.files("", { signal })) {
    tell(key, 0);
    await of.file(key).verify({ signal }).catch((error: unknown) => {
      // It was deleted since it was listed.
      if (error instanceof KeepstateError && error.code === "NOT_FOUND") return;
      damage.push(damageOf(error));
    });
    sum.files++;
  }
  return { ...sum, damage };
}

/** The store's own bytes, where it can check them. */
async function verifyBytes(
  store: Holding["store"],
  signal: AbortSignal | undefined,
  tell: (part: number) => void,
): Promise<readonly KeepstateError[]> {
  let failure: { readonly error: unknown } | undefined;
  const progress = (done: number, total: number): void => {
    if (failure) return;
    try {
      tell(total ? done / total : 1);
    } catch (error) {
      failure = { error };
    }
  };
  const damage = (await store.verify?.({ signal, progress })) ?? [];
  if (failure) throw (failure as { readonly error: unknown }).error;
  return damage;
}

function damageOf(error: unknown): KeepstateError {
  if (isDamage(error)) return error;
  throw error;
}
