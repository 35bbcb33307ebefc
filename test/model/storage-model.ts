import fc from "fast-check";
import type { Storage } from "../../src/storage/storage.js";
import { NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { commands } from "./commands.js";
import { ReferenceModel } from "./reference-model.js";

/**
 * Plays random commands on a store and on the reference model, and compares all that can be seen after each of them. The error
 * of a failure has the shortest series of commands that fails, with the seed and the path to repeat it.
 *
 * @param makeStorage gives a new, empty store that is not open yet
 */
export async function storageModel(
  makeStorage: () => Promise<Storage> | Storage,
  options: { readonly runs: number; readonly maxCommands: number },
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: options.maxCommands, size: "max" }), async (series) => {
      const storage = await makeStorage();
      await storage.open();
      try {
        const setup = (): { model: { model: ReferenceModel; now: number; ids: string[]; claims: [] }; real: Storage } => ({
          model: { model: new ReferenceModel(), now: NOW, ids: [], claims: [] },
          real: storage,
        });
        await fc.asyncModelRun(setup, series);
      } finally {
        await storage.close();
      }
    }),
    { numRuns: options.runs },
  );
}
