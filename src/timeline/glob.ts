/** Patterns of text. */

/** Whether a text is this one, where `*` in it stands for any text. */
export function globOf(pattern: string): (text: string) => boolean {
  if (!pattern.includes("*")) return (text) => text === pattern;
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join("[^]*")}$`);
  return (text) => expression.test(text);
}
