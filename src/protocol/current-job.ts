/** How the main thread asks a stopped worker thread which job it is in. */

/**
 * The description of a registered symbol: `globalThis[Symbol.for(CURRENT_JOB)]` is a `CurrentJob`. A global, because the question
 * comes from the inspector, which knows no module of ours.
 */
export const CURRENT_JOB = "millrace.currentJob";

/** The id of the job that the calling code belongs to. */
export type CurrentJob = () => string | null;
