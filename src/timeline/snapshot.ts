/** Snapshots: what is told of a saved state. */

import { decodeMsgpack } from "../state/msgpack.js";
import type { NativeSnapshot } from "../native/timeline.js";
import { formatReference, type TimelineName } from "./reference.js";

/** One saved state in a timeline, immutable, with its metadata. */
export interface Snapshot {
  /** `agent/session@17`: its name everywhere. */
  readonly ref: string;
  readonly agent: string;
  readonly session: string;
  /** Its number in the timeline, from 1. Numbers may have gaps. */
  readonly sequence: number;
  /** What it is: a hash over its content, its metadata and its parent's id. */
  readonly id: string;
  /** The id of the snapshot before it; zeros for the first. */
  readonly parent: string;
  readonly time: Date;
  readonly label?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly idempotencyKey?: string;
  /** How the state became bytes: `msgpack`, `json`, `bytes` or a name of one's own. */
  readonly encoding: string;
  /** The length of the whole state, encoded. */
  readonly size: number;
  /** How many bytes it took in the store. */
  readonly storedBytes: number;
}

/** The snapshot that the core tells of. */
export function snapshotOf(name: TimelineName, told: NativeSnapshot): Snapshot {
  const { sequence, id, parent, label, description, metadata, idempotencyKey } = told;
  const { encoding, size, storedBytes } = told;
  return {
    ref: formatReference(name, { sequence }),
    agent: name.agent,
    session: name.session,
    sequence,
    id,
    parent,
    time: new Date(told.time),
    ...(label === undefined ? {} : { label }),
    ...(description === undefined ? {} : { description }),
    ...(metadata ? { metadata: decodeMsgpack(metadata) as Record<string, unknown> } : {}),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    encoding,
    size,
    storedBytes,
  };
}
