import assert from "node:assert/strict";
import type { StorageSupports } from "../../storage/storage.js";
import { claimOne, end, enqueueOne, givingBack, newJob, NOW, rowOf, running } from "./sample-jobs.js";
import type { Case, Section } from "./section.js";

const transfers = (supports: StorageSupports): boolean => supports.transfer;

/** Does to a buffer what sending it to a thread does. */
function send(buffer: ArrayBuffer): void {
  structuredClone(buffer, { transfer: [buffer] });
}

const cases: readonly Omit<Case, "when">[] = [
  {
    title: "are handed out with the claim, and are not copies",
    run: async (storage) => {
      const buffers = [new ArrayBuffer(8), new ArrayBuffer(0)];
      const { attachments } = await running(storage, { attachments: buffers });
      assert.equal(attachments.length, 2);
      assert.ok(attachments.every((attachment, index) => attachment === buffers[index]));
    },
  },
  {
    title: "come back with a job that was not sent, for the next claim",
    run: async (storage) => {
      const buffer = new ArrayBuffer(8);
      const job = await running(storage, { attachments: [buffer] });
      assert.deepEqual(await storage.complete([givingBack(job)]), [true]);
      assert.equal((await claimOne(storage)).attachments[0], buffer);
    },
  },
  {
    title: "that were sent are lost, so the job cannot be retried",
    run: async (storage) => {
      for (const length of [8, 0]) {
        const buffer = new ArrayBuffer(length);
        const job = await running(storage, { attachments: [buffer] });
        send(buffer);
        await end(storage, job, { to: "dead" });
        assert.equal(await storage.change({ action: "retry", id: job.id, now: NOW }), "lost");
        assert.equal((await rowOf(storage, job.id)).state, "dead");
      }
    },
  },
  {
    title: "that were never sent do not keep a job from its retry",
    run: async (storage) => {
      const buffers = [new ArrayBuffer(8), new ArrayBuffer(0)];
      const id = await enqueueOne(storage, { attachments: buffers });
      await storage.cancel([id], NOW);
      assert.equal(await storage.change({ action: "retry", id, now: NOW }), "changed");
      assert.equal((await claimOne(storage)).attachments[0], buffers[0]);
    },
  },
  {
    title: "are safe from changes to the array that carried them",
    run: async (storage) => {
      const buffer = new ArrayBuffer(8);
      const job = { ...newJob(), attachments: [buffer] };
      await storage.enqueue([job], NOW);
      job.attachments.pop();
      assert.deepEqual((await claimOne(storage)).attachments, [buffer]);
    },
  },
];

export const attachments: Section = {
  title: "attachments",
  cases: cases.map((each) => ({ ...each, when: transfers })),
};
