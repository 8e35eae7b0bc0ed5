// A folder whose lock another process never gives back: a write waits, then is LOCKED and names the
// file; readers go on; once the other process is gone, writes go on too.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import test from "ava";

import { open } from "../../src/index.js";
import { emptyFolder } from "../fixtures/folder.js";

const HOLD = fileURLToPath(new URL("../fixtures/hold-lock.js", import.meta.url));

const places = [
  ["file:", "lock"],
  ["dir:", join(".keepstate", "lock")],
] as const;

for (const [scheme, lock] of places) {
  test(`${scheme} a save into a locked folder is LOCKED, and nothing is lost`, async (t) => {
    const folder = join(await emptyFolder(t), "state");
    await using ks = await open(`${scheme}${folder}`);
    const run = ks.timeline("a/b");
    await run.save(1);
    const holder = spawn(process.execPath, [HOLD, join(folder, lock)], { stdio: "pipe" });
    t.teardown(() => holder.kill("SIGKILL"));
    const [said] = (await once(holder.stdout, "data")) as [Buffer];
    t.is(String(said), "held\n");
    await t.throwsAsync(() => run.save(2), { code: "LOCKED", message: /lock/ });
    t.is(await run.restore(), 1);
    holder.kill("SIGKILL");
    await once(holder, "close");
    await run.save(3);
    t.is(await run.restore(), 3);
    t.is((await run.show()).sequence, 2);
  });
}
