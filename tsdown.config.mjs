// What users get: dist/ with ESM, CommonJS and types. The addon is found at run time and never bundled.

import { existsSync } from "node:fs";

import { defineConfig } from "tsdown";

const entries = {
  index: "src/index.ts",
  testing: "src/testing/index.ts",
  cli: "src/cli/index.ts",
};

const there = Object.entries(entries).filter(([, file]) => existsSync(file));

export default defineConfig({
  entry: Object.fromEntries(there.length > 0 ? there : [["native", "src/native.ts"]]),
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20",
  dts: true,
  shims: true,
  fixedExtension: false,
  sourcemap: true,
  clean: true,
});
