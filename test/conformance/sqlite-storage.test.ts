import { sqliteStorage } from "millrace/sqlite";
import { storageSuite } from "millrace/testing";
import { describe, it } from "vitest";
import { newFile } from "../sqlite-files.js";

describe("SQLite storage", () => {
  storageSuite({ describe, it }, () => sqliteStorage({ path: newFile(), durability: "relaxed" }));
});
