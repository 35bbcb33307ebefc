// The table at the end.

const number = (value) => value.toLocaleString("en-US");
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
const ms = (value) => `${value.toFixed(1)} ms`;

const ROWS = [
  ["files", ({ outcomes }) => number(outcomes.length)],
  ["of these refused by terser", ({ outcomes }) => number(outcomes.filter((outcome) => "refused" in outcome).length)],
  ["bytes before", ({ outcomes }) => megabytes(sum(outcomes, "bytesBefore"))],
  ["bytes after", ({ outcomes }) => megabytes(sum(outcomes, "bytesAfter"))],
  ["retries", ({ retries }) => number(retries)],
  ["time", ({ seconds }) => `${seconds.toFixed(1)} s`],
  ["jobs/s", ({ outcomes, seconds }) => (outcomes.length / seconds).toFixed(1)],
  ["cores used (CPU time / time)", ({ cpuSeconds, seconds }) => (cpuSeconds / seconds).toFixed(2)],
  ["cores busy with other processes", ({ othersCpuSeconds, seconds }) => Math.max(othersCpuSeconds / seconds, 0).toFixed(2)],
  ["HTTP requests answered", ({ http }) => number(http.requests)],
  ["HTTP requests failed", ({ http }) => number(http.failed)],
  ["HTTP p50", ({ http }) => ms(http.p50)],
  ["HTTP p99", ({ http }) => ms(http.p99)],
  ["HTTP slowest", ({ http }) => ms(http.slowest)],
];

export function table(runs) {
  const lines = [["", ...runs.map(({ title }) => title)], ...ROWS.map(([name, cell]) => [name, ...runs.map(cell)])];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line.map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column] + 3))).join("")).join("\n");
}

function sum(outcomes, key) {
  return outcomes.reduce((total, outcome) => total + (outcome[key] ?? 0), 0);
}
