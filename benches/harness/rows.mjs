// From samples to the rows that are printed: medians, and the ratio in which above 1 means we win.
import { spread } from "./numbers.mjs";

export function rowsOf(bench, workload, samples) {
  const rows = [];
  for (const [metric, { unit, better }] of Object.entries(bench.metrics)) {
    const cells = Object.entries(samples).flatMap(([name, metrics]) =>
      metrics[metric]?.length ? [[name, spread(metrics[metric])]] : [],
    );
    if (cells.length > 0) rows.push(row({ bench, workload, metric, unit, better }, cells));
  }
  return rows;
}

function row({ bench, workload, metric, unit, better }, cells) {
  const all = Object.fromEntries(cells);
  const peers = cells.filter(([name]) => name !== "ours");
  return {
    bench: bench.name,
    workload: workload.name,
    metric,
    unit,
    ours: all.ours?.median ?? null,
    peers: Object.fromEntries(peers.map(([name, { median }]) => [name, median])),
    ratio: ratio(all.ours?.median, { better, values: peers.map(([, { median }]) => median) }),
    spread: Object.fromEntries(cells.map(([name, { min, max }]) => [name, [min, max]])),
  };
}

/** Best peer over ours for what should be small, ours over the best peer for what should be big. */
function ratio(ours, { better, values }) {
  if (ours === undefined || values.length === 0) return null;
  return better === "less" ? Math.min(...values) / ours : ours / Math.max(...values);
}
