/**
 * Builders of objects, one for each list of keys. An object literal that was compiled is built
 * several times faster than by one assignment after the other. Where the host forbids to compile
 * (a content security policy, `--disallow-code-generation-from-strings`) there are none.
 */

/** Makes an object whose values are those that `words` number, from behind `at` on. */
export type Build = (
  words: Int32Array,
  at: number,
  values: readonly unknown[],
) => Record<string, unknown>;

// More than states have; who makes keys without end must not make code without end.
const BUILDERS_MAX = 1_000;
const KEYS_MAX = 100;

const builders = new Map<string, Build>();
let isForbidden = false;

/** The builder for these keys, unless there can be none. */
export function compileBuilder(keys: readonly string[]): Build | undefined {
  if (isForbidden || keys.length > KEYS_MAX) return undefined;
  const source = sourceOf(keys);
  const known = builders.get(source);
  if (known || builders.size >= BUILDERS_MAX) return known;
  try {
    // Every key is quoted, so nothing of a state is ever run.
    const build = new Function("w", "p", "v", source) as Build;
    builders.set(source, build);
    return build;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    isForbidden = true;
    return undefined;
  }
}

function sourceOf(keys: readonly string[]): string {
  const entries = keys.map((key, n) => `${JSON.stringify(key)}: v[w[p + ${n + 1}]]`);
  return `return {${entries.join(", ")}};`;
}
