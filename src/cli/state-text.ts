/** States as the command line prints and reads them. */

import { indented, textOfState } from "../state/json-text.js";

/** A state as JSON text; for people, on several lines. */
export function stateText(state: unknown, style: "compact" | "indented" = "compact"): string {
  const text = textOfState(state);
  return style === "indented" ? indented(text) : text;
}
