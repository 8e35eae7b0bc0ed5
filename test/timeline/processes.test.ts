// Two processes at one timeline, and one that is killed while it packs: whatever was acknowledged
// is there, and verifies.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import test from "ava";

import { open } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";

const STEPS = fileURLToPath(new URL("../fixtures/save-steps.js", import.meta.url));

for (const after of [25, 60, 140]) {
  test(`killed while it packs, after ${after} saves`, async (t) => {
    const folder = await emptyFolder(t);
    const child = spawn(process.execPath, [STEPS, folder, "a/b", "1", "100000", "pack"]);
    let told = "";
    child.stderr.pipe(process.stderr);
    await new Promise<void>((resolve) => {
      child.stdout.on("data", (part: Buffer) => {
        told += part.toString();
        if (told.split("\n").length > after) child.kill("SIGKILL");
      });
      child.on("close", () => resolve());
    });
    const acknowledged = Number(told.trimEnd().split("\n").at(-1));
    t.true(acknowledged >= after);
    await using ks = await open(folder);
    const run = ks.timeline<{ n: number }>("a/b");
    const { sequence } = await run.show();
    t.true(sequence >= acknowledged);
    for (const n of [1, Math.floor(acknowledged / 2), acknowledged]) {
      t.is((await run.restore(`@${n}`)).n, n);
    }
    t.deepEqual((await run.verify()).damage, []);
    t.is((await run.save({ n: sequence + 1 })).sequence, sequence + 1);
    await run.pack();
    t.deepEqual((await run.verify()).damage, []);
  });
}

test("one process prunes, packs and tags while another saves", async (t) => {
  const folder = await emptyFolder(t);
  await using ks = await open(folder);
  const run = ks.timeline<{ n: number }>("a/b");
  const child = spawn(process.execPath, [STEPS, folder, "a/b", "1", "150", "slow"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  let isOver = false;
  void ended.then(() => (isOver = true));
  const watch = run.watch({ after: 0 });
  for await (const { sequence } of watch) {
    if (sequence % 10 === 0) await run.tag(`step-${sequence}`, `@${sequence}`);
    if (sequence % 30 === 0) await run.prune({ keepLast: 20, keepEvery: 10 });
    if (sequence % 40 === 0) await run.pack({ level: 1 });
    if (sequence === 150) break;
    t.false(isOver && sequence < 100, "it is watched while it saves");
  }
  t.is(await ended, 0);
  t.is((await run.tags()).length, 15);
  t.is((await run.restore()).n, 150);
  for (const { ref, sequence } of await run.tags()) t.is((await run.restore(ref)).n, sequence);
  t.deepEqual((await run.verify()).damage, []);
});
