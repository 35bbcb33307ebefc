import { describe, it } from "vitest";
import { memoryStorage } from "../../src/storage/memory/memory-storage.js";
import { storageSuite } from "../../src/testing/storage-suite.js";

describe("memory storage", () => {
  storageSuite({ describe, it }, memoryStorage);
});
