/** `ctx.enqueue`: the job is checked and packed here, in the thread, and stored by the main side. */

import { OptionsError } from "../src/errors.js";
import type { JobSpec } from "../src/job/define-job.js";
import type { EnqueueOptions } from "../src/job/enqueue-options.js";
import type { EnqueueFromJob } from "../src/job/job-context.js";
import { checkedRequest } from "../src/job/job-request.js";
import type { HostApi } from "../src/protocol/host-api.js";

/** Makes the function for jobs of a depth. */
export function enqueueThrough(
  store: HostApi["enqueue"],
  /** In bytes. */
  maxPayload: number,
): (depth: number) => EnqueueFromJob {
  return (depth) => async (job: JobSpec | string, payload?: unknown, options?: EnqueueOptions) => {
    if (options?.transfer !== undefined) throw new OptionsError("a job cannot transfer buffers to another one");
    if (options?.signal !== undefined) throw new OptionsError("a job cannot wait for room by a signal: catch the QueueFullError, and snooze");
    return store({ ...(await checkedRequest({ job, payload, options, maxPayload, canTransfer: false })), depth });
  };
}
