// The embedded log holds the port's obligations, with both durabilities.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { openUrl } from "../../src/schemes.js";
import { conformance } from "../../src/testing/index.js";

const root = await mkdtemp(join(tmpdir(), "keepstate-log-"));
test.after.always(() => rm(root, { recursive: true, force: true }));

for (const durability of ["sync", "async"]) {
  const fresh = async (): Promise<string> => mkdtemp(join(root, "store-"));
  for (const { name, run } of conformance(async () => openUrl(await fresh(), { durability }))) {
    test(`${durability}: ${name}`, async (t) => {
      await t.notThrowsAsync(run);
    });
  }
}
