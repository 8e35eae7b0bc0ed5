/** Snapshots: what is told of a saved state. */

import { decodeMsgpack } from "../state/msgpack.js";
import type { NativeSaved, NativeSnapshot } from "../native/timeline.js";
import { formatReference, type TimelineName } from "./reference.js";

/** One saved state in a timeline, immutable, with its metadata. */
export interface Snapshot {
  /** `agent/session@17`: its name everywhere. */
  readonly ref: string;
  readonly agent: string;
  readonly session: string;
  /** Its number in the timeline, from 1. Numbers may have gaps. */
  readonly sequence: number;
  /** The same number, by the name that it has elsewhere. */
  readonly index: number;
  /** What it is: a BLAKE3 hash over its content, its metadata and its parent's id. */
  readonly id: string;
  /** The same hash. */
  readonly hash: string;
  /** The id of the snapshot before it; zeros for the first. */
  readonly parent: string;
  readonly time: Date;
  readonly label?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The tags that name it, in order. */
  readonly tags: readonly string[];
  readonly idempotencyKey?: string;
  /** The version of the state's schema, in the words of whoever saved it. */
  readonly schemaVersion?: string;
  /** The version of the format that it is kept in. */
  readonly format: number;
  /** How the state became bytes: `msgpack`, `json`, `bytes` or a name of one's own. */
  readonly encoding: string;
  /** The length of the whole state, encoded. */
  readonly size: number;
  /** How many bytes it took in the store. */
  readonly storedBytes: number;
}

// The version of records that FORMAT.md describes; the core refuses newer ones.
const FORMAT = 1;
// The digits of an id.
const DIGITS = 64;

/** The snapshot that a save tells of. */
export function savedOf(name: TimelineName, told: NativeSaved): Snapshot {
  if ("sequence" in told) return snapshotOf(name, told);
  const [sequence, time, size, storedBytes, ids] = told;
  const [id, parent] = [ids.slice(0, DIGITS), ids.slice(DIGITS)];
  const encoding = "msgpack";
  return snapshotOf(name, { sequence, id, parent, time, encoding, size, storedBytes });
}

/** The snapshot that the core tells of. */
export function snapshotOf(name: TimelineName, told: NativeSnapshot): Snapshot {
  const { sequence, id, parent, label, description, metadata, idempotencyKey } = told;
  const { encoding, size, storedBytes, schemaVersion, tags = [] } = told;
  return {
    ref: formatReference(name, { sequence }),
    agent: name.agent,
    session: name.session,
    sequence,
    index: sequence,
    id,
    hash: id,
    parent,
    time: new Date(told.time),
    ...(label === undefined ? {} : { label }),
    ...(description === undefined ? {} : { description }),
    ...(metadata ? { metadata: decodeMsgpack(metadata) as Record<string, unknown> } : {}),
    tags,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(schemaVersion === undefined ? {} : { schemaVersion }),
    format: FORMAT,
    encoding,
    size,
    storedBytes,
  };
}
