// The store of plain files holds the port's obligations.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { openUrl } from "../../src/schemes.js";
import { conformance } from "../../src/testing/index.js";

const root = await mkdtemp(join(tmpdir(), "keepstate-dir-"));
test.after.always(() => rm(root, { recursive: true, force: true }));

const fresh = async (): Promise<string> => `dir:${await mkdtemp(join(root, "store-"))}`;
for (const { name, run } of conformance(async () => openUrl(await fresh()))) {
  test(name, async (t) => {
    await t.notThrowsAsync(run);
  });
}
