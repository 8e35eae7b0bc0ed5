// Machines of the core, stepped from JavaScript: requests go out, answers come in any order and in
// parts, failures end them, and what was given up stays ended.

import test from "ava";

import type { NativeAnswer, NativeMachine, NativeRequest } from "../../src/native/addon.js";
import { settled, value } from "../../src/native/record.js";
import { addon } from "./_testing.js";

const FOUND = { value: new Uint8Array(5), version: "1" };

async function ask(
  machine: NativeMachine<number>,
  answers: readonly NativeAnswer[],
): Promise<readonly NativeRequest[] | number> {
  const step = await settled(machine.step(answers));
  return "done" in step ? step.done : step.requests;
}

test("a machine goes on as far as its answers reach", async (t) => {
  const machine = value(addon.testMachine());
  const [a, b] = (await ask(machine, [])) as NativeRequest[];
  t.like(a, { kind: "get", key: "a" });
  t.like(b, { kind: "get", key: "b" });
  t.deepEqual(await ask(machine, [{ id: b?.id ?? -1, value: null }]), []);
  const late = { id: 77, value: null };
  const [now] = (await ask(machine, [late, { id: a?.id ?? -1, value: FOUND }])) as NativeRequest[];
  t.like(now, { kind: "now" });
  t.is(await ask(machine, [{ id: now?.id ?? -1, value: 100 }]), 105);
  await t.throwsAsync(ask(machine, []), { code: "INTERNAL" });
});

test("a heavy machine steps on the pool", async (t) => {
  const machine = value(addon.testMachine());
  const requests = (await ask(machine, [])) as NativeRequest[];
  const large = { value: new Uint8Array(100_000), version: "1" };
  const step = machine.step(requests.map(({ id }) => ({ id, value: large })));
  t.true(step instanceof Promise);
  const next = await settled(step);
  t.true("requests" in next && next.requests[0]?.kind === "now");
});

test("an answer that failed ends the machine with the same error", async (t) => {
  const machine = value(addon.testMachine());
  const requests = (await ask(machine, [])) as NativeRequest[];
  const error = { code: "UNAVAILABLE", message: "Gone.", retryable: true, cause: [], key: "a" };
  const failing = ask(machine, requests.map(({ id }) => ({ id, error })));
  await t.throwsAsync(failing, { code: "UNAVAILABLE", message: "Gone." });
});

test("an answer of another kind ends the machine", async (t) => {
  const machine = value(addon.testMachine());
  const requests = (await ask(machine, [])) as NativeRequest[];
  const failing = ask(machine, requests.map(({ id }) => ({ id, value: "text" as never })));
  await t.throwsAsync(failing, { code: "INVALID_ARGUMENT" });
});

test("a cancelled machine says so", async (t) => {
  const machine = value(addon.testMachine());
  machine.cancel();
  await t.throwsAsync(ask(machine, []), { code: "ABORTED" });
});
