// What users get: dist/ with ESM, CommonJS and types. The addon is found at run time and never
// bundled.

import { defineConfig } from "tsdown";

const shared = {
  platform: "node",
  target: "node20",
  shims: true,
  fixedExtension: false,
  sourcemap: true,
};

export default defineConfig([
  {
    ...shared,
    entry: { index: "src/index.ts", testing: "src/testing/index.ts" },
    format: ["esm", "cjs"],
    dts: true,
    clean: true,
  },
  { ...shared, entry: { cli: "src/cli/main.ts" }, format: ["esm"], dts: false, clean: false },
]);
