// The readable form: one table per workload, a contestant a line, "median (min-max)" in each cell.
import { cpus, loadavg } from "node:os";

export function machine() {
  const cores = cpus();
  const load = loadavg()[0].toFixed(2);
  return `node ${process.versions.node}, ${cores.length} x ${cores[0]?.model}, load ${load}`;
}

export function tables(rows, out) {
  const parts = [...grouped(rows)].map(([title, group]) => `${title}\n\n${table(group)}`);
  const left = Object.entries(out).map(([what, why]) => `left out: ${what}: ${why}`);
  return [...parts, left.join("\n")].filter(Boolean).join("\n\n");
}

function heading(row) {
  return `${row.bench}: ${row.workload}`;
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(heading(row), [...(groups.get(heading(row)) ?? []), row]);
  return groups;
}

function table(group) {
  const names = new Set(group.flatMap((row) => Object.keys(row.spread)));
  const head = ["", ...group.map(({ metric }) => metric)];
  const lines = inOrder(names, group).map((name) => [name, ...group.map((row) => cell(row, name))]);
  const ratios = ["ratio", ...group.map((row) => (row.ratio === null ? "" : number(row.ratio)))];
  return align([head, ...lines, ratios]);
}

// Ours first, then by what the first metrics say, so that the eye finds the best peer.
function inOrder(names, group) {
  const rank = (name) => group.map((row) => row.peers[name]).find((value) => value !== undefined);
  const peers = [...names].filter((name) => name !== "ours");
  peers.sort((one, other) => (rank(one) ?? 0) - (rank(other) ?? 0));
  return names.has("ours") ? ["ours", ...peers] : peers;
}

function cell(row, name) {
  const value = name === "ours" ? row.ours : row.peers[name];
  if (value === undefined || value === null) return "";
  const [min, max] = row.spread[name];
  return min === max ? number(value) : `${number(value)} (${number(min)}-${number(max)})`;
}

/** Three digits that count, thousands apart. */
export function number(value) {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

function align(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) => line.map((text, column) => pad(text, { column, width: widths[column] })))
    .map((line) => line.join("  ").trimEnd())
    .join("\n");
}

function pad(text, { column, width }) {
  return column === 0 ? text.padEnd(width) : text.padStart(width);
}
