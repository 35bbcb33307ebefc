/** `ctx.enqueue`: the job is checked and packed here, in the thread, and stored by the main side. */

import { OptionsError } from "../src/errors.js";
import type { JobSpec } from "../src/job/define-job.js";
import type { EnqueueOptions } from "../src/job/enqueue-options.js";
import type { EnqueueFromJob } from "../src/job/job-context.js";
import { checkedRequest } from "../src/job/job-request.js";
import type { HostApi } from "../src/protocol/host-api.js";

/** @param maxPayload in bytes */
export function enqueueThrough(store: HostApi["enqueue"], maxPayload: number): EnqueueFromJob {
  return async (job: JobSpec | string, payload: unknown, options?: EnqueueOptions) => {
    if (options?.transfer !== undefined) throw new OptionsError("a job cannot transfer buffers to another one");
    return store(await checkedRequest({ job, payload, options, maxPayload, canTransfer: false }));
  };
}
