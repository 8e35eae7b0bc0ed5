// On a disk that is really full (a small tmpfs) a save is refused with DISK_FULL, what was saved
// stays whole, and a delete gives the space back: in the log at once, in a folder of files once
// there is room for one small file. In a process of its own, that sees the mount.

import { execFile, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import test from "ava";

import { emptyFolder } from "../fixtures/folder.js";

const FILL = fileURLToPath(new URL("../fixtures/fill-disk.js", import.meta.url));
const run = promisify(execFile);

const MOUNTED = 'mount -t tmpfs -o size=6m none "$1" && shift && exec "$@"';
const unshared = ["--user", "--map-root-user", "--mount", "sh", "-c", MOUNTED, "sh"];
const mounts = spawnSync("unshare", [...unshared, tmpdir(), "true"]).status === 0;

const places = [
  ["file:", ""],
  ["dir:", "ballast"],
] as const;

for (const [scheme, ballast] of places) {
  test(`${scheme} refuses a save on a full disk, and keeps what it has`, async (t) => {
    if (!mounts) {
      t.log("Mounting is not allowed here; the faults of the core's tests stand for it.");
      t.pass();
      return;
    }
    const disk = join(await emptyFolder(t), "disk");
    await mkdir(disk);
    const words = [...unshared, disk, process.execPath, FILL, `${scheme}${disk}/state`];
    if (ballast) words.push(join(disk, ballast));
    const { stdout } = await run("unshare", words);
    const report = JSON.parse(stdout);
    t.is(report.code, "DISK_FULL");
    t.regex(report.advice, /free some space/);
    t.true(report.saved > 20, `${report.saved} saves`);
    t.is(report.newest, report.saved);
    t.is(report.damage, 0);
    t.is(report.deleted, report.saved);
    t.true(report.next > report.saved, "numbers never return");
  });
}
