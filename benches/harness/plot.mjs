// Bars as SVG: one block per row, ours dark, the peers light, each as long as its value.
import { number } from "./report.mjs";

const BAR = 14;
const LABEL = 220;
const WIDTH = 420;

export function plot(rows) {
  let top = 10;
  const blocks = rows.map((row) => {
    const drawn = block(row, top);
    top += drawn.height;
    return drawn.svg;
  });
  const size = `width="${LABEL + WIDTH + 120}" height="${top + 10}"`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif"`;
  return `${head} font-size="11">\n${blocks.join("\n")}\n</svg>\n`;
}

function block(row, top) {
  const ours = row.ours === null ? [] : [["ours", row.ours]];
  const bars = [...ours, ...Object.entries(row.peers)];
  const longest = Math.max(...bars.map(([, value]) => value)) || 1;
  const title = `${row.bench} ${row.workload}: ${row.metric}`;
  const lines = bars.map(([name, value], index) => {
    const y = top + 18 + index * (BAR + 4);
    return bar({ name, value, y, length: (value / longest) * WIDTH });
  });
  const svg = [`<text x="4" y="${top + 11}" font-weight="bold">${escaped(title)}</text>`, ...lines];
  return { svg: svg.join("\n"), height: 30 + bars.length * (BAR + 4) };
}

function bar({ name, value, y, length }) {
  const fill = name === "ours" ? "#1b4f8a" : "#b9c6d6";
  const middle = y + BAR - 3;
  return [
    `<text x="${LABEL - 6}" y="${middle}" text-anchor="end">${escaped(name)}</text>`,
    `<rect x="${LABEL}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${fill}"/>`,
    `<text x="${(LABEL + length + 5).toFixed(1)}" y="${middle}">${number(value)}</text>`,
  ].join("");
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
