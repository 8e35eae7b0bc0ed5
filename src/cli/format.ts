/** How figures and tables look. */

import type { Snapshot } from "../timeline/snapshot.js";
import type { Terminal } from "./terminal.js";

/** A number of bytes for people: `1.2 MB`. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let amount = bytes;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`;
}

/** A number of things: `1 snapshot`, `2 snapshots`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** A moment for people. */
export function time(date: Date): string {
  return date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "Z");
}

/** The head of a table of snapshots. */
export const snapshotHead: readonly string[] = ["REF", "TIME", "SIZE", "STORED", "LABEL", "TAGS"];

/** A snapshot as a row of a table. */
export function snapshotRow(snapshot: Snapshot): string[] {
  const { ref, label = "", size: whole, storedBytes, tags } = snapshot;
  return [ref, time(snapshot.time), size(whole), size(storedBytes), label, tags.join(" ")];
}

/**
 * A table for people, with a head; for programs, tabs between plain columns and no head. Tabs and
 * line breaks within a cell would break its row, and are shown as spaces.
 */
export async function table(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const cells = rows.map((row) => row.map((cell) => cell.replace(/[\t\r\n]+/g, " ")));
  if (!terminal.isInteractive) {
    for (const row of cells) await terminal.line(row.join("\t"));
    return;
  }
  const widths = head.map((title, i) =>
    Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  await terminal.line(terminal.color("bold", line(head)));
  for (const row of cells) await terminal.line(line(row));
}

/** Text that fits into so many columns. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`;
}
