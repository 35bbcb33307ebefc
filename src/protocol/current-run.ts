/** How the main thread asks a stopped worker thread whose code it runs. */

/**
 * The description of a registered symbol: `globalThis[Symbol.for(CURRENT_RUN)]` is a `CurrentRun`. A global, because the question
 * comes from the inspector, which knows no module of ours.
 */
export const CURRENT_RUN = "millrace.currentRun";

/** The run that the calling code belongs to, as JSON of a `RunIdentity`, or of `"nobody"`. */
export type CurrentRun = () => string;
