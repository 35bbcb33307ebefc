import { describe, it } from "vitest";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { storageModel } from "./storage-model.js";

describe("memory storage", () => {
  it("behaves as the reference model whatever comes", async () => {
    await storageModel(memoryStorage, { runs: 600, maxCommands: 60 });
  });
});
