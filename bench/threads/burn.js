/**
 * Keeps a core busy.
 *
 * @param {number} steps
 * @returns {number}
 */
export function burn(steps) {
  let value = 1;
  for (let step = 0; step < steps; step += 1) value = (value * 1_103_515_245 + 12_345) % 2_147_483_648;
  return value;
}
