/** Bars as a picture, drawn from numbers: readable on light and on dark pages, with nothing to load. */

import { showCount, type Summary } from "./numbers.js";

export interface Bar {
  readonly label: string;
  readonly value: Summary;
  /** One of ours. */
  readonly isOurs: boolean;
}

export interface Panel {
  readonly title: string;
  readonly note: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 760;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 100;
const BAR_WIDTH: number = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const ROW = 28;
const BAR = 16;
const HEAD = 58;
const GAP = 20;

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .note { font-size: 11.5px; fill: #59636e; }
  .ours { font-weight: 600; }
  .bar { fill: #8c959f; }
  .bar.ours { fill: #0969da; }
  .range { stroke: #1f2328; stroke-width: 1.5; }
  .axis { stroke: #8c959f; stroke-width: 1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .bar { fill: #6e7681; }
    .bar.ours { fill: #4493f8; }
    .range { stroke: #e6edf3; }
    .axis { stroke: #6e7681; }
  }
`;

export function drawBars(panels: readonly Panel[]): string {
  const heights = panels.map(({ bars }) => HEAD + bars.length * ROW);
  const height = heights.reduce((sum, own) => sum + own, 0) + GAP * (panels.length - 1) + 8;
  let top = 0;
  const drawn = panels.map((panel, index) => {
    const own = drawPanel(panel, top);
    top += (heights[index] ?? 0) + GAP;
    return own;
  });
  const title = panels.map((panel) => panel.title).join("; ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}</style>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function drawPanel({ title, note, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value.max));
  const toX = (value: number): number => round(LABEL_WIDTH + (value / most) * BAR_WIDTH);
  const end = top + HEAD + bars.length * ROW;
  const rows = bars.map((bar, index) => drawBar(bar, top + HEAD + index * ROW, toX));
  return [
    `<text class="title" x="0" y="${top + 18}">${escape(title)}</text>`,
    `<text class="note" x="0" y="${top + 38}">${escape(note)}</text>`,
    ...rows,
    `<line class="axis" x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH}" y1="${top + HEAD - 4}" y2="${end - 4}"/>`,
  ].join("\n");
}

function drawBar({ label, value, isOurs }: Bar, top: number, toX: (value: number) => number): string {
  const [middle, ours] = [top + BAR / 2, isOurs ? " ours" : ""];
  const [from, to, right] = [toX(value.min), toX(value.max), toX(value.median)];
  // Two digits say all that a picture can, and the rest is in the table.
  const shown = showCount(Number(value.median.toPrecision(2)));
  return [
    `<text class="label${ours}" x="${LABEL_WIDTH - 10}" y="${middle + 4.5}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="bar${ours}" x="${LABEL_WIDTH}" y="${top}" width="${round(right - LABEL_WIDTH)}" height="${BAR}" rx="2"/>`,
    `<line class="range" x1="${from}" x2="${to}" y1="${middle}" y2="${middle}"/>`,
    `<text class="value${ours}" x="${Math.max(right, to) + 8}" y="${middle + 4.5}">${shown}</text>`,
  ].join("\n");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
