/** The nearest of several names, for messages that say what was probably meant. */

// What is shorter begins too many names.
const SHORT = 4;

/** `did you mean x?` with a leading space, or nothing where no name is near. */
export function suggest(given: string, known: Iterable<string>): string {
  const near = nearest(given, known);
  return near === undefined ? "" : ` Did you mean ${near}?`;
}

/**
 * The name with the smallest edit distance, if it is small for names of that length; else the first
 * that begins so.
 */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bound = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bound) [best, bound] = [name, distance];
  }
  if (best !== undefined || given.length < SHORT) return best;
  return [...known].find((name) => name.toLowerCase().startsWith(given.toLowerCase()));
}

/** Insertions, removals, replacements and swaps of neighbours from one text to the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + cost,
        swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
      );
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
