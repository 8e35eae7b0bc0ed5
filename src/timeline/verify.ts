/** Verifying a timeline, and all that a store holds. */

import { KeepstateError } from "../errors.js";
import { raised } from "../native/record.js";
import type { FileEntry } from "../file/list.js";
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
  files(prefix: string, options: CallOptions): AsyncIterable<FileEntry>;
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
  const tell =
    onProgress &&
    ((snapshots: number, bytes: number, done: number, total: number): void =>
      onProgress({ reading, part: total ? done / total : 1, timelines: 0, snapshots, bytes }));
  try {
    const told = await core.verify({ ref, tell }, signal);
    return { ...told, damage: told.damage.map((record) => raised(record, verifyTimeline)) };
  } catch (error) {
    return { snapshots: 0, bytes: 0, damage: [damageOf(error)] };
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
  const progress = (done: number, total: number): void => tell("store", total ? done / total : 1);
  damage.push(...((await of.store.verify?.({ signal, progress })) ?? []));
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

function damageOf(error: unknown): KeepstateError {
  if (isDamage(error)) return error;
  throw error;
}
