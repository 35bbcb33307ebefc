import { describe, expect, it } from "vitest";
import { Events } from "../../src/events.js";

const event = { queue: "q", thread: 0 };

describe("events", () => {
  it("are first heard by a listener at the next one, if it was added during one", () => {
    const events = new Events();
    let heard = 0;
    const listen = (): void => {
      const off = events.on("thread:started", () => {
        heard += 1;
        off();
        listen();
      });
    };
    listen();
    events.emit("thread:started", event);
    expect(heard).toBe(1);
    events.emit("thread:started", event);
    expect(heard).toBe(2);
  });

  it("are heard twice by a function that listens twice, and each can stop for itself", () => {
    const events = new Events();
    let heard = 0;
    const listener = (): void => void (heard += 1);
    const off = events.on("thread:started", listener);
    events.on("thread:started", listener);
    events.emit("thread:started", event);
    expect(heard).toBe(2);
    off();
    events.emit("thread:started", event);
    expect(heard).toBe(3);
  });

  it("reach the others when a listener throws, and its error is an event", () => {
    const events = new Events();
    const heard: unknown[] = [];
    events.on("thread:started", () => {
      throw new Error("broken");
    });
    events.on("thread:started", () => heard.push("second"));
    events.on("error", ({ error }) => heard.push((error as Error).message));
    events.emit("thread:started", event);
    expect(heard).toEqual(["broken", "second"]);
  });

  it("of errors are warnings when nobody listens, and when a listener throws, which is worded differently", async () => {
    const warnings: string[] = [];
    const warned = new Promise<void>((resolve) => {
      process.on("warning", function listen({ message }) {
        if (warnings.push(message) < 2) return;
        process.off("warning", listen);
        resolve();
      });
    });
    const events = new Events();
    events.emit("error", { error: new Error("unheard") });
    events.on("error", () => {
      throw new Error("broken");
    });
    events.emit("error", { error: new Error("heard") });
    await warned;
    expect(warnings).toEqual([
      'unheard. Listen to the engine\'s "error" event to handle this.',
      'broken. A listener of the engine\'s "error" event has thrown this.',
    ]);
  });
});
