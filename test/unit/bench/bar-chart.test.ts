import { expect, it } from "vitest";
import { drawBars } from "../../../bench/lib/bar-chart.js";

const BARS = [
  { label: "twice", value: { median: 100_000, min: 80_000, max: 200_000 }, isOurs: true },
  { label: 'a < b & "c"', value: { median: 50_000, min: 50_000, max: 50_000 }, isOurs: false },
];

it("a bar is as long as its median, beside the longest range", () => {
  const widths = [...drawBars([{ title: "t", note: "n", bars: BARS }]).matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths).toEqual([205, 102.5]);
});

it("text from outside cannot become a part of the picture", () => {
  const svg = drawBars([{ title: "<script>", note: "n", bars: BARS }]);
  expect(svg).toContain("a &lt; b &amp; &quot;c&quot;");
  expect(svg).not.toContain("<script>");
});
