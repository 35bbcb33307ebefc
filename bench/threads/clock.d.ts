/** The time in ms by a clock that all threads share. */
export function sharedNow(): number;
