// What the baseline runs: the same nothing.

export default function noop() {
  return undefined;
}
