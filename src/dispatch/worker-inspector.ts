/**
 * The inspector of one worker thread, spoken to from the main thread. The thread need not take part: V8 answers between two
 * statements, in the middle of a loop.
 *
 * Node aborts the whole process when a message is sent to a thread in the very moment in which its inspector goes. So a link
 * is for a thread that is busy, and most of its messages are sent while that is paused and cannot end.
 */

import type { Session } from "node:inspector";
import { isMainThread } from "node:worker_threads";
import type { Clock } from "../clock.js";

export interface Listener {
  readonly clock: Clock;
  /** Is given what the worker's inspector says as text, for most of it is of no interest. */
  readonly onMessage: (message: string) => void;
}

export interface Command {
  readonly method: string;
  readonly params?: object;
}

/** Node 20.19 to 26 name a thread "[worker 7] its name", older ones "Worker 7". */
const TITLE = /^(?:\[worker (\d+)\]|Worker (\d+)$)/;

export class WorkerInspector {
  readonly #session: Session;
  readonly #sessionId: string;
  readonly #isObserved: boolean;
  #lastId = 0;

  private constructor(session: Session, { sessionId, isObserved }: { sessionId: string; isObserved: boolean }) {
    this.#session = session;
    this.#sessionId = sessionId;
    this.#isObserved = isObserved;
  }

  /**
   * `null` when there is no such thread, no inspector, or when this is not the main thread: only that one sees the others.
   *
   * @throws whatever the inspector throws, for example when the permission model forbids it
   */
  static async attach(threadId: number, listener: Listener): Promise<WorkerInspector | null> {
    if (!isMainThread) return null;
    // Not loaded before it is needed. Some builds of Node have none.
    const inspector = await import("node:inspector");
    const session = new inspector.Session();
    session.connect();
    try {
      const sessionId = attachTo(threadId, session);
      if (sessionId !== null) {
        listen(session, listener);
        return new WorkerInspector(session, { sessionId, isObserved: inspector.url() !== undefined });
      }
    } catch (error) {
      session.disconnect();
      throw error;
    }
    session.disconnect();
    return null;
  }

  /** Returns the id that the answer will carry. */
  send({ method, params = {} }: Command): number {
    const id = ++this.#lastId;
    const message = JSON.stringify({ id, method, params });
    this.#session.post("NodeWorker.sendMessageToWorker", { sessionId: this.#sessionId, message });
    return id;
  }

  /** Lets the thread go on, if it is paused, and leaves nothing behind. A thread that is still attached cannot be terminated. */
  detach(): void {
    try {
      // Letting go of the thread resumes it, unless someone else debugs it too.
      if (this.#isObserved) this.send({ method: "Debugger.resume" });
      letGo(this.#session, this.#sessionId);
    } finally {
      this.#session.disconnect();
    }
  }
}

/** Node attaches to every thread or to none: the others are let go at once. Both calls tell of all threads before they return. */
function attachTo(threadId: number, session: Session): string | null {
  let found: string | null = null;
  session.on("NodeWorker.attachedToWorker", ({ params }) => {
    const title = TITLE.exec(params.workerInfo.title);
    if (found === null && Number(title?.[1] ?? title?.[2]) === threadId) found = params.sessionId;
    else letGo(session, params.sessionId);
  });
  session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  // Threads that start from now on are left alone.
  session.post("NodeWorker.disable");
  session.removeAllListeners("NodeWorker.attachedToWorker");
  return found;
}

/**
 * Node tells of messages in the middle of whatever the main thread runs, or outside of any turn, after which promises are not
 * looked at. So they are taken to the end of a turn.
 */
function listen(session: Session, { clock, onMessage }: Listener): void {
  let waiting: string[] = [];
  session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
    waiting.push(params.message);
    if (waiting.length > 1) return;
    clock.endOfTurn(() => {
      const messages = waiting;
      waiting = [];
      for (const message of messages) onMessage(message);
    });
  });
}

/** A thread that has ended is no session any more: not worth an error. */
function letGo(session: Session, sessionId: string): void {
  session.post("NodeWorker.detach", { sessionId }, () => undefined);
}
