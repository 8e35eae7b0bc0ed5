/**
 * Builders of objects, one for each list of keys. An object literal that was compiled is built
 * several times faster than by one assignment after the other. Where the host forbids to compile
 * (a content security policy, `--disallow-code-generation-from-strings`) there are none.
 */

/** Makes an object whose values are what `next` gives, in the order of its keys. */
export type Build = (next: () => unknown) => Record<string, unknown>;

// More than states have; who makes keys without end must not make code without end.
const BUILDERS_MAX = 1_000;
const KEYS_MAX = 100;

const builders = new Map<string, Build>();
let isForbidden = false;

/** The builder for these keys, if it was compiled already. */
export function knownBuilder(keys: readonly string[]): Build | undefined {
  return builders.size > 0 ? builders.get(sourceOf(keys)) : undefined;
}

/** The builder for these keys, unless there can be none. */
export function compileBuilder(keys: readonly string[]): Build | undefined {
  if (isForbidden || keys.length > KEYS_MAX || builders.size >= BUILDERS_MAX) return undefined;
  const source = sourceOf(keys);
  try {
    // Every key is quoted, so nothing of a state is ever run.
    const build = new Function("next", source) as Build;
    builders.set(source, build);
    return build;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    isForbidden = true;
    return undefined;
  }
}

function sourceOf(keys: readonly string[]): string {
  return `return {${keys.map((key) => `${JSON.stringify(key)}: next()`).join(", ")}};`;
}
