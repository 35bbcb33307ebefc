/** Keeps a core busy for so many steps. */
export function burn(steps: number): number;
