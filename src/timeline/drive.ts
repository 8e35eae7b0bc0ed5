/**
 * The driver for stores that TypeScript holds: it answers what a machine of the core asks, each
 * round of requests at once. No thread waits meanwhile.
 */

import { KeepstateError } from "../errors.js";
import {
  CHECK,
  DELETE,
  type NativeAnswer,
  type NativeAnswerValue,
  type NativeErrorRecord,
  type NativeMachine,
  type NativeName,
  type NativeOp,
  type NativeRequest,
  type Outcome,
} from "../native/addon.js";
import { settled, value } from "../native/record.js";
import type { NativeTimelineOptions, SteppedTimeline } from "../native/timeline.js";
import { native } from "../native.js";
import type { Clock } from "../ports/clock.js";
import type { Mode, Op, Store } from "../ports/store.js";
import type { Flows, TimelineCore } from "./core.js";

/** What a driver answers from. */
export interface Ground {
  readonly store: Store;
  readonly clock: Clock;
}

/** A timeline over any store. Its saves run one after the other, so that they land in order. */
export function steppedCore(
  ground: Ground,
  name: NativeName,
  options: NativeTimelineOptions,
): TimelineCore {
  const supports = { ...ground.store.supports, view: false };
  const timeline = value(native().steppedTimeline(supports, name, options));
  let last: Promise<unknown> = Promise.resolve();
  return {
    save: (change, signal) => {
      const machine = timeline.save(change.bytes, change.edits, change.epoch, change.said);
      const saved = last.then(() => drive(machine, ground, signal));
      last = saved.catch(() => undefined);
      return saved;
    },
    epoch: () => timeline.epoch(),
    restore: (ref, signal) => drive(timeline.restore(ref), ground, signal),
    show: (ref, signal) => drive(timeline.show(ref), ground, signal),
    list: (query, signal) => drive(timeline.list(query), ground, signal),
    delete: (signal) => drive(timeline.delete(), ground, signal),
    verify: ({ ref, tell }, signal) =>
      drive(timeline.verify(ref, undefined, tell), ground, signal),
    blame: (blaming, signal) => drive(timeline.blame(blaming), ground, signal),
    why: (weighing, signal) => drive(timeline.why(weighing), ground, signal),
    repair: (signal) => drive(timeline.repair(), ground, signal),
    part: (cursor, signal) => drive(timeline.part(cursor), ground, signal),
    importing: () => {
      const taking = value(timeline.importer());
      return {
        take: (bytes) => drive(timeline.takeIn(taking, undefined, bytes), ground),
        taken: () => taking.taken(),
        finish: () => drive(timeline.finishImport(taking), ground),
        abandon: () => drive(timeline.abandonImport(taking), ground),
      };
    },
    fork: (fork, signal) => drive(timeline.fork(fork), ground, signal),
    tag: (tagging, signal) => drive(timeline.tag(tagging), ground, signal),
    untag: (untagging, signal) => drive(timeline.untag(untagging), ground, signal),
    tags: (signal) => drive(timeline.tags(), ground, signal),
    prune: (policy, signal) => drive(timeline.prune(policy), ground, signal),
    pack: (packing, signal) => drive(timeline.pack(packing), ground, signal),
    maintain: () => {
      const machine = value(timeline.maintain());
      return machine && drive(machine, ground);
    },
    release: (signal) => drive(timeline.release(), ground, signal),
    flows: steppedFlows(timeline, ground),
  };
}

function steppedFlows(timeline: SteppedTimeline, ground: Ground): Flows {
  return {
    begin: (signal) => drive(timeline.inflow(), ground, signal),
    stage: (flow, bytes) => value(timeline.stage(flow, bytes)),
    feed: (flow, signal) => drive(timeline.feed(flow), ground, signal),
    finish: (flow, signal) => drive(timeline.finish(flow), ground, signal),
    giveUp: (flow) => drive(timeline.giveUp(flow), ground),
    open: (ref, signal) => drive(timeline.outflow(ref), ground, signal),
    next: (flow, signal) => drive(timeline.next(flow), ground, signal),
  };
}

/** Runs a machine to its end. */
export async function drive<T>(
  outcome: Outcome<NativeMachine<T>>,
  ground: Ground,
  signal?: AbortSignal,
): Promise<T> {
  const machine = value(outcome);
  const thrown = new Map<string, unknown>();
  let answers: NativeAnswer[] = [];
  try {
    for (;;) {
      signal?.throwIfAborted();
      const step = await settled(machine.step(answers)).catch((error: unknown) => {
        throw original(error, thrown);
      });
      if ("done" in step) return step.done;
      const answer = (request: NativeRequest): Promise<NativeAnswer> =>
        answered(request, { ...ground, signal, thrown });
      answers = await Promise.all(step.requests.map(answer));
    }
  } finally {
    // After the end this does nothing; before it, whoever waits behind this one goes on at once.
    machine.cancel();
  }
}

interface Asked extends Ground {
  readonly signal: AbortSignal | undefined;
  /** What the store threw, by the message that the machine was told. */
  readonly thrown: Map<string, unknown>;
}

async function answered(request: NativeRequest, asked: Asked): Promise<NativeAnswer> {
  const { id } = request;
  try {
    return { id, value: await serve(request, asked) };
  } catch (error) {
    asked.signal?.throwIfAborted();
    const told = record(error);
    asked.thrown.set(told.error.message, error);
    return { id, ...told };
  }
}

async function serve(request: NativeRequest, asked: Asked): Promise<NativeAnswerValue> {
  const { store, clock, signal } = asked;
  switch (request.kind) {
    case "get":
      return (await store.get(request.key, { range: request.range, signal })) ?? null;
    case "list": {
      const { prefix = "", after, limit } = request.query;
      const entries = [];
      for await (const entry of store.list(prefix, { after, limit, signal })) entries.push(entry);
      return entries;
    }
    case "commit":
      return commit(request.ops, store, signal);
    case "now":
      return clock.now();
    case "random":
      return clock.random(request.count);
    case "sleep":
      await clock.sleep(request.milliseconds, signal);
      return null;
    case "cancelled":
      return signal?.aborted ?? false;
  }
}

/** A batch of one step needs no `commit`: every store can put and delete. */
async function commit(
  ops: readonly NativeOp[],
  store: Store,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const steps = ops.map(portOp);
  const [only] = steps;
  if (steps.length === 1 && only?.op === "put") {
    return [await store.put(only.key, only.value, { mode: only.mode, ttl: only.ttl, signal })];
  }
  if (steps.length === 1 && only?.op === "delete") {
    await store.delete(only.key, { ifVersion: only.ifVersion, signal });
    return [];
  }
  if (store.commit) return store.commit(steps, { signal });
  throw new KeepstateError("UNSUPPORTED", `A ${store.supports.kind} store has no batches.`);
}

function portOp(op: NativeOp): Op {
  switch (op[0]) {
    case CHECK:
      return { op: "check", key: op[1], version: op[2] ?? undefined };
    case DELETE:
      return { op: "delete", key: op[1], ifVersion: op[2] };
    default:
      return { op: "put", key: op[1], value: op[2], mode: modeOf(op[3]), ttl: op[4] };
  }
}

function modeOf(condition: string | null | undefined): Mode {
  if (condition === undefined) return "overwrite";
  return condition === null ? "create" : { ifVersion: condition };
}

/** What a store threw, as a machine takes it. What is no KeepstateError counts as IO. */
function record(error: unknown): NativeErrorRecord {
  if (error instanceof KeepstateError) {
    const { code, message, retryable, key } = error;
    const place = key === undefined ? {} : { key };
    return { error: { code, message, retryable, cause: [], ...place } };
  }
  const message = `The store failed: ${error instanceof Error ? error.message : String(error)}.`;
  return { error: { code: "IO", message, retryable: false, cause: [] } };
}

/** The store's own error where a machine only passed it on: its cause and stack are kept. */
function original(error: unknown, thrown: ReadonlyMap<string, unknown>): unknown {
  if (!(error instanceof KeepstateError) || !thrown.has(error.message)) return error;
  const cause = thrown.get(error.message);
  if (cause instanceof KeepstateError) return cause;
  return new KeepstateError(error.code, error.message, { cause });
}
