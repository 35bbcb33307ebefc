import assert from "node:assert/strict";
import { assertRow, claimOne, enqueueOne, NOW, rowOf, running } from "./sample-jobs.js";
import type { Section } from "./section.js";

export const lifetime: Section = {
  title: "open and close",
  cases: [
    {
      title: "has a name",
      run: async (storage) => {
        assert.equal(typeof storage.name, "string");
        assert.notEqual(storage.name, "");
        return Promise.resolve();
      },
    },
    {
      title: "stays open until the last of those who share it has closed it",
      run: async (storage) => {
        await storage.open();
        const id = await enqueueOne(storage);
        await storage.close();
        assert.equal((await claimOne(storage)).id, id);
      },
    },
    {
      title: "keeps its jobs and its settings when it is closed and opened again [88]",
      run: async (storage) => {
        await storage.own("runner");
        const left = await running(storage, { payload: new Uint8Array([1, 2]) });
        const id = await enqueueOne(storage, { payload: new Uint8Array([3, 4]), meta: { tenant: "one" } });
        await storage.pause("other", true);
        await storage.disown("runner");
        await storage.close();
        await storage.open();
        await storage.own("second");
        assertRow(await rowOf(storage, id), { state: "waiting", payload: new Uint8Array([3, 4]), meta: { tenant: "one" }, attempt: 0 });
        assertRow(await rowOf(storage, left.id), { fence: 1 });
        assert.deepEqual((await storage.settings()).paused, ["other"]);
        assert.equal((await storage.count(NOW)).totals["default"]?.enqueued, 2);
        assert.equal((await claimOne(storage, { runner: "second" })).id, id);
      },
    },
  ],
};
