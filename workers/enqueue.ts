/** `ctx.enqueue`: the job is checked and packed here, in the thread, and stored by the main side. */

import { OptionsError } from "../src/errors.js";
import type { JobSpec } from "../src/job/define-job.js";
import type { EnqueueOptions } from "../src/job/enqueue-options.js";
import type { EnqueueFromJob } from "../src/job/job-context.js";
import { checkedRequest, type JobRequest } from "../src/job/job-request.js";

export function enqueueThrough(
  store: (request: JobRequest) => Promise<{ readonly id: string; readonly duplicate: boolean }>,
  maxPayload: number,
): EnqueueFromJob {
  async function enqueue(
    job: JobSpec | string,
    payload: unknown,
    options?: EnqueueOptions,
  ): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    if (options?.transfer !== undefined) throw new OptionsError("a job cannot transfer buffers to another one");
    const request = checkedRequest({ job, payload, options, maxPayload, canTransfer: false });
    return store(request instanceof Promise ? await request : request);
  }
  return enqueue;
}
