import { sqliteStorage } from "millrace/sqlite";
import { describe, it } from "vitest";
import { newFile } from "../sqlite-files.js";
import { storageModel } from "./storage-model.js";

describe("SQLite storage", () => {
  it("behaves as the reference model whatever comes", async () => {
    await storageModel(() => sqliteStorage({ path: newFile(), durability: "relaxed" }), { runs: 60, maxCommands: 60 });
  });
});
