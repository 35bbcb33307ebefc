/** What an engine does to its process: when it keeps it alive, and what it leaves alone. */

import { describe, expect, it } from "vitest";
import { runProcess } from "./processes.js";

describe("a started engine", () => {
  it("keeps the process alive until stop, and then lets it end", async () => {
    const { lines, code, errors } = await runProcess("held.js");
    expect({ lines, code, errors }).toEqual({ lines: ["alive", 'stopped {"completed":0,"returned":0}', "ended"], code: 0, errors: "" });
  });

  it("does what is scheduled though nothing else happens", async () => {
    const { lines, code } = await runProcess("asleep.js");
    expect({ lines, code }).toEqual({ lines: ["completed echo", "stopped"], code: 0 });
  });

  it("installs no handlers of signals, nor of anything else of the process", async () => {
    const { lines, code } = await runProcess("listeners.js");
    expect({ lines, code }).toEqual({ lines: ["unchanged"], code: 0 });
  });

  it("goes on when a listener throws, which surfaces as from any other callback", async () => {
    const { lines, code } = await runProcess("throwing-listener.js");
    expect(lines.toSorted()).toEqual(["completed echo", "result 1", 'stopped {"completed":0,"returned":0}', "uncaught listener broke"]);
    expect(code).toBe(0);
  });
});

describe("unref", () => {
  it.each(["before", "after"])("lets the process of an idle engine end by itself, called %s start", async (when) => {
    const { lines, code, errors } = await runProcess("unref.js", [when]);
    expect({ lines, code, errors }).toEqual({ lines: ["idle", "ended"], code: 0, errors: "" });
  });

  it.each(["before", "after"])("still keeps it alive for a result that is awaited, called %s start", async (when) => {
    const { lines, code } = await runProcess("unref.js", [when, "awaited"]);
    expect({ lines, code }).toEqual({ lines: ["result told", "idle", "ended"], code: 0 });
  });

  it.each(["before", "after"])("still keeps it alive for a job that runs, called %s start", async (when) => {
    const { lines, code } = await runProcess("unref.js", [when, "running"]);
    expect({ lines, code }).toEqual({ lines: ["idle", "completed report later", "ended"], code: 0 });
  });
});

describe("a client", () => {
  it("does not keep the process alive, unless something is awaited", async () => {
    expect(await runProcess("client.js")).toEqual({ lines: ["ended"], code: 0, errors: "" });
    expect(await runProcess("client.js", ["awaits"])).toEqual({ lines: ["TimeoutError", "ended"], code: 0, errors: "" });
  });
});
