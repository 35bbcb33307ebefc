/** `ctx.enqueue`: the job is checked and packed here, in the thread, and stored by the main side. */

import { OptionsError } from "../src/errors.js";
import type { JobSpec } from "../src/job/define-job.js";
import type { EnqueueOptions } from "../src/job/enqueue-options.js";
import type { EnqueueFromJob } from "../src/job/job-context.js";
import { checkedRequest, type JobRequest } from "../src/job/job-request.js";

/** Makes the function for jobs of a depth. */
export function enqueueThrough(
  store: (request: JobRequest) => Promise<{ readonly id: string; readonly duplicate: boolean }>,
  maxPayload: number,
): (depth: number) => EnqueueFromJob {
  return (depth) => {
    async function enqueue(
      job: JobSpec | string,
      payload: unknown,
      options?: EnqueueOptions,
    ): Promise<{ readonly id: string; readonly duplicate: boolean }> {
      if (options?.transfer !== undefined) throw new OptionsError("a job cannot transfer buffers to another one");
      if (options?.signal !== undefined) throw new OptionsError("a job cannot wait for room by a signal: catch the QueueFullError, and snooze");
      const checked = checkedRequest({ job, payload, options, maxPayload, canTransfer: false });
      const request = checked instanceof Promise ? await checked : checked;
      return store({ ...request, depth });
    }
    return enqueue;
  };
}
