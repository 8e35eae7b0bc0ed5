/** Copies of a timeline in another store, which go on where an earlier copy ended. */

import { KeepstateError } from "../errors.js";
import type { Store } from "../ports/store.js";
import { checkNumbers, invalid, type SignalOptions } from "./options.js";
import { formatName, type TimelineName, timelineName } from "./reference.js";
import type { Imported, TransferOptions } from "./results.js";
import type { Snapshot } from "./snapshot.js";
import { checkTransfer, type ExportOptions, type FileSource, parted } from "./transfer.js";
import type { Tag, TagOptions } from "./upkeep.js";

/** Where a copy goes. */
export interface CopyOptions extends TransferOptions {
  /** The copy's name; that of the timeline by default. */
  readonly name?: string | TimelineName | undefined;
  /** The copy must end with this number, 0: must not exist; else it is CONFLICT. */
  readonly after?: number | undefined;
}

/** What a copy has done. */
export interface Copied extends Imported {
  /** With which number an earlier copy ended; 0 where there was none. */
  readonly after: number;
}

/** Another store that takes copies: a Keepstate. */
export interface CopyTarget {
  timeline(name: TimelineName): Pick<Copying, "show" | "tags" | "tag">;
  import(name: TimelineName, source: FileSource, options?: TransferOptions): Promise<Imported>;
}

/** The timeline that is copied. */
export interface Copying {
  show(ref?: string, options?: SignalOptions): Promise<Snapshot>;
  tags(options?: SignalOptions): Promise<Tag[]>;
  tag(name: string, ref?: string, options?: TagOptions): Promise<Snapshot>;
  export(options?: ExportOptions): AsyncIterable<Uint8Array>;
}

/** Whether it takes copies as it is. */
export function isTarget(to: CopyTarget | Store): to is CopyTarget {
  return typeof (to as Partial<CopyTarget> | undefined)?.import === "function";
}

/** Refuses what is no store either. */
export function requireStore(to: Store): void {
  const { get, put } = (to as Partial<Store> | undefined) ?? {};
  if (typeof get === "function" && typeof put === "function") return;
  const given = typeof to === "string" ? `; open("${String(to)}") gives one` : "";
  throw invalid(`copyTo takes a Keepstate, as open gives one, or a store${given}.`);
}

/** Copies what the other store does not have yet. */
export async function copyTimeline(
  { from, own }: { readonly from: Copying; readonly own: TimelineName },
  to: CopyTarget,
  options: CopyOptions,
): Promise<Copied> {
  checkTransfer("copyTo", options, ["name", "after"]);
  checkNumbers({ after: options.after });
  const { signal, onProgress } = options;
  const name = options.name === undefined ? own : timelineName(options.name);
  const copy = to.timeline(name);
  const latest = await from.show(undefined, { signal });
  const there = await copy.show(undefined, { signal }).catch(absent);
  const after = there?.sequence ?? 0;
  if (options.after !== undefined && options.after !== after) {
    throw parted(formatName(name), own, there ? `ends at @${after}` : "does not exist");
  }
  if (there) await requireSame(from, there, { own, signal });
  const passed = { signal, onProgress };
  const nothing = { snapshots: 0, bytes: 0, after };
  const copied: Copied =
    there && there.sequence === latest.sequence
      ? { snapshot: there, ...nothing }
      : { ...(await to.import(name, from.export({ after, signal }), passed)), after };
  if (there) await addTags(from, copy, { upto: after, signal });
  return copied;
}

/** What the copy ends with must be a snapshot of ours. */
async function requireSame(
  from: Copying,
  there: Snapshot,
  { own, signal }: { readonly own: TimelineName; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const ours = await from.show(`@${there.sequence}`, { signal }).catch(absent);
  if (ours?.id === there.id) return;
  const copy = formatName(there);
  const why = ours ? "has another history" : `ends at @${there.sequence}, which is not here`;
  throw parted(copy, own, why);
}

/** Tags that were given since to what was copied before. What the copy has by now stays. */
async function addTags(
  from: Copying,
  copy: Pick<Copying, "tags" | "tag">,
  { upto, signal }: { readonly upto: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const [ours, theirs] = await Promise.all([from.tags({ signal }), copy.tags({ signal })]);
  const known = new Set(theirs.map(({ name }) => name));
  for (const { name, sequence } of ours) {
    if (sequence > upto || known.has(name)) continue;
    await copy.tag(name, `@${sequence}`, { signal }).catch(taken);
  }
}

function absent(error: unknown): undefined {
  if (error instanceof KeepstateError && error.code === "NOT_FOUND") return undefined;
  throw error;
}

/** Somebody gave the copy such a tag meanwhile, or pruned what it is to name. */
function taken(error: unknown): undefined {
  const passes: readonly string[] = ["CONFLICT", "NOT_FOUND"];
  if (error instanceof KeepstateError && passes.includes(error.code)) return undefined;
  throw error;
}
