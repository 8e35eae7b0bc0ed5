// Loaded before a test (`--import`): the rule that KEEPSTATE_WITHOUT names is taken out of the
// built TypeScript as it is loaded.

import { readFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";

import { SHADOW_RULES } from "./rules.mjs";

const rule = process.env.KEEPSTATE_WITHOUT;
if (rule !== undefined) register(import.meta.url);

export async function load(url, context, next) {
  const [file, pieces, instead] = SHADOW_RULES[rule] ?? [];
  if (file === undefined || !url.endsWith(`/build/src/${file}.js`)) return next(url, context);
  let source = readFileSync(fileURLToPath(url), "utf8");
  for (const piece of [pieces].flat()) source = source.replace(piece, () => instead);
  return { format: "module", source, shortCircuit: true };
}
