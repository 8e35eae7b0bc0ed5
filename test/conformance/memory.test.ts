// The memory store holds the port's obligations.

import test from "ava";

import { openUrl } from "../../src/schemes.js";
import { conformance } from "../../src/testing/index.js";

for (const { name, run } of conformance(() => openUrl("memory:"))) {
  test(name, async (t) => {
    await t.notThrowsAsync(run);
  });
}
