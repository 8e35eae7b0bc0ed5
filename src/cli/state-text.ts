/** States as JSON text, rich types marked (docs/encoding.md). */

export function stateText(state: unknown, indent?: number): string {
  return JSON.stringify(state, undefined, indent);
}

export function stateOfText(text: string): unknown {
  return JSON.parse(text);
}
