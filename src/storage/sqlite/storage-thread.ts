/** Runs in a thread of its own, so that no wait for a disk ever holds up the main thread. */

import { realpathSync } from "node:fs";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { systemClock, type Timer } from "../../clock.js";
import { Bell } from "./bell.js";
import type { Call, FromStore, StoreOptions, ToStore } from "./calls.js";
import { HEARTBEAT_MS } from "./owner.js";
import { Store } from "./store.js";
import { explained } from "./store-file.js";
import { MOST_WORK, packAnswer, unpackCall, workOf } from "./wire.js";

const LOOK_MS = 1_000;

const clock = systemClock();
const options = workerData as StoreOptions;
let store: Store | undefined;
let bell: Bell | undefined;
let look: Timer | undefined;
let heartbeat: Timer | undefined;

/** What has come and is not done. */
const waiting: ToStore[] = [];

/** One transaction a turn: however much there is to do, heartbeats, bells and looks have theirs in between. */
function serve(port: MessagePort): void {
  port.on("message", (message: ToStore) => {
    if (waiting.push(message) === 1) clock.endOfTurn(() => work(port));
  });
}

function work(port: MessagePort): void {
  const calls = takeCalls();
  if (calls.length > 0) {
    port.postMessage(perform(calls));
  } else {
    const message = waiting.shift();
    if (message?.verb === "close") return close(port, message.id);
    if (message?.verb === "open") port.postMessage(open(port, message));
    if (store === undefined) return port.close();
  }
  if (waiting.length > 0) clock.endOfTurn(() => work(port));
}

/** Those that are the next transaction. */
function takeCalls(): readonly Call[] {
  const calls: Call[] = [];
  for (let sum = 0; sum < MOST_WORK; ) {
    const message = waiting[calls.length];
    if (message === undefined || !isCall(message)) break;
    const call = unpackCall(message);
    sum += workOf(call);
    calls.push(call);
  }
  waiting.splice(0, calls.length);
  return calls;
}

function isCall(message: ToStore): message is Call {
  return message.verb !== "open" && message.verb !== "close";
}

/** The first call, and the only one of its kind. A thread that cannot open its file ends. */
function open(port: MessagePort, { id, args: [former] }: Extract<ToStore, { verb: "open" }>): FromStore {
  return answer(id, () => {
    store = new Store(options, { clock, former, onWritten: () => bell?.ring() });
    bell = hangBell(() => listen(port));
    lookSoon(port);
    beatSoon();
  });
}

function perform(calls: readonly Call[]): FromStore {
  if (store !== undefined) return packed(calls, store.perform(calls));
  const error = { message: `${options.path} is not open`, cause: undefined };
  return { changes: [], answers: calls.map(({ id }) => ({ id, error })), told: null };
}

/** Answers are in the order of calls. */
function packed(calls: readonly Call[], { changes, answers, told }: FromStore): FromStore {
  return { changes, told, answers: answers.map((answer, index) => packAnswer(calls[index], answer)) };
}

function close(port: MessagePort, id: number): void {
  heartbeat?.cancel();
  look?.cancel();
  bell?.close();
  port.postMessage(answer(id, () => store?.close()));
  port.close();
}

/** Where there can be none, a look once a second must do: a machine has only so many watches. */
function hangBell(onRing: () => void): Bell | undefined {
  try {
    // One file, one bell, by whatever name it is opened.
    return new Bell(`${realpathSync(options.path)}-bell`, clock, onRing);
  } catch {
    return undefined;
  }
}

/** Tells the main side what other processes have done. */
function listen(port: MessagePort): void {
  try {
    if (store?.hasNews !== true) return;
    const news = store.perform([]);
    if (news.changes.length > 0) port.postMessage(news);
  } catch {
    // The next call tells what is wrong.
  }
}

/** A bell may be missed. */
function lookSoon(port: MessagePort): void {
  look = clock.setTimer(LOOK_MS, () => {
    listen(port);
    lookSoon(port);
  });
}

function beatSoon(): void {
  heartbeat = clock.setTimer(HEARTBEAT_MS, () => {
    try {
      store?.beat();
    } catch {
      // The next write tells what is wrong.
    }
    beatSoon();
  });
}

function answer(id: number, work: () => void): FromStore {
  try {
    work();
    return { changes: [], answers: [{ id, value: undefined }], told: store?.told ?? null };
  } catch (error) {
    const { message, cause } = explained(error, options.path);
    return { changes: [], answers: [{ id, error: { message, cause } }], told: null };
  }
}

if (parentPort !== null) serve(parentPort);
