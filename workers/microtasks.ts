/**
 * What throws in a microtask is code of the run that queued it, but Node 20 has forgotten that by the time the error is told. So it
 * is thrown again from a place where Node knows.
 */
export function ownMicrotasks(): void {
  const queue = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (callback) => {
    // Node says what is wrong with it.
    if (typeof callback !== "function") return queue(callback);
    queue(() => {
      try {
        callback();
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    });
  };
}
