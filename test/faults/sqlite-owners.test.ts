/** One owner at a time, whoever dies, sleeps or is on another machine. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { claim, claimOne, ending, newJob, NOW } from "../../src/testing/storage-suite/sample-jobs.js";
import { newFile } from "../sqlite-files.js";
import { openStorage, refusal, withDatabase } from "./sqlite-stage.js";

const OWNER = fileURLToPath(new URL("../fixtures/processes/sqlite-verbs.js", import.meta.url));
const onLinux = process.platform === "linux";

interface Other {
  readonly child: ChildProcess;
  /** Its answer to a verb. */
  readonly ask: (verb: string) => Promise<string>;
}

/** Another process that has the file open. */
async function otherProcess(path: string, runner: string): Promise<Other> {
  const child = spawn(process.execPath, [OWNER, path, runner], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  expect(await next()).toBe("open");
  const ask = async (verb: string): Promise<string> => {
    child.stdin.write(`${verb}\n`);
    return next();
  };
  return { child, ask };
}

async function kill({ child }: Other): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

const epochOf = (path: string): unknown => withDatabase(path, (database) => database.prepare("SELECT epoch FROM owner").get()?.["epoch"]);

/** Makes the owner one of another machine that spoke last so long ago. */
function forge(path: string, silentMs: number): void {
  withDatabase(path, (database) => {
    database.prepare("UPDATE owner SET runner = 'far', epoch = epoch + 1, pid = 1, process_started = '1', boot = 'theirs', host = 'elsewhere', heartbeat_at = ?").run(Date.now() - silentMs);
  });
}

describe("two stores of one process on one file", () => {
  it("have one owner, and share their jobs", async () => {
    const path = newFile();
    const [first, second] = [await openStorage({ path }), await openStorage({ path })];
    await first.own("first");
    await refusal(second.own("second"), path, new RegExp(`owned by runner first of process ${process.pid} on ${hostname()}.*stop the other engine`));
    const job = newJob();
    await second.enqueue([job], NOW);
    expect(await claim(second, { runner: "second" })).toEqual([]);
    const claimed = await claimOne(first, { runner: "first" });
    expect(await first.complete([ending(claimed)])).toEqual([true]);
    await first.disown("first");
    await second.own("second");
    await refusal(first.own("first"), path, /owned by runner second/);
  });

  it("close one by one: the other goes on", async () => {
    const path = newFile();
    const [first, second] = [await openStorage({ path }), await openStorage({ path })];
    await first.own("first");
    await first.enqueue([newJob()], NOW);
    await first.close();
    await second.own("second");
    await second.enqueue([newJob()], NOW);
    expect((await second.count(NOW)).totals["default"]?.enqueued).toBe(2);
  });

  it("are made at the same time, as are their files", async () => {
    const path = newFile();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStorage({ path })));
    await Promise.all(stores.map((store) => store.enqueue([newJob()], NOW)));
    expect((await stores[0]?.count(NOW))?.totals["default"]?.enqueued).toBe(5);
    const owned = await Promise.allSettled(stores.map((store, index) => store.own(`runner ${index}`)));
    expect(owned.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("another process", () => {
  it("that owns is named; when it was killed, its jobs are taken over", async () => {
    const path = newFile();
    const other = await otherProcess(path, "other");
    expect(await other.ask("own")).toBe("done");
    const storage = await openStorage({ path });
    await refusal(storage.own("here"), path, new RegExp(`owned by runner other of process ${other.child.pid ?? 0} on ${hostname()}.*stop the other engine`));
    await storage.enqueue([newJob()], NOW);
    expect(await claim(storage, { runner: "here" })).toEqual([]);
    await kill(other);
    await storage.own("here");
    expect(epochOf(path)).toBe(2);
    expect(await claim(storage, { runner: "here" })).toHaveLength(1);
  });

  it.skipIf(!onLinux)("that was killed, but whose parent does not care, is no owner", async () => {
    const path = newFile();
    // A shell that becomes something else does not wait for the children it had.
    const script = `"$0" "$1" "$2" zombie < "$3" & exec sleep 1000`;
    const fifo = `${path}.fifo`;
    const parent = spawn("sh", ["-c", `mkfifo "$3"; ${script}`, process.execPath, OWNER, path, fifo], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void parent.kill("SIGKILL"));
    const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
    const feeder = spawn("sh", ["-c", `until [ -p "$0" ]; do :; done; exec cat > "$0"`, fifo], { stdio: ["pipe", "ignore", "inherit"] });
    onTestFinished(() => void feeder.kill("SIGKILL"));
    await lines.next();
    feeder.stdin.write("own\n");
    expect((await lines.next()).value).toBe("done");
    const pid = withDatabase(path, (database) => Number(database.prepare("SELECT pid FROM owner").get()?.["pid"]));
    onTestFinished(() => void process.kill(pid, "SIGKILL"));
    const storage = await openStorage({ path });
    await refusal(storage.own("here"), path, /owned by runner zombie/);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1], { timeout: 10_000 }).toBe("Z");
    await storage.own("here");
  });

  it("that sleeps stays the owner", async () => {
    const path = newFile();
    const other = await otherProcess(path, "other");
    expect(await other.ask("own")).toBe("done");
    other.child.kill("SIGSTOP");
    withDatabase(path, (database) => database.exec("UPDATE owner SET heartbeat_at = 0"));
    const storage = await openStorage({ path });
    await refusal(storage.own("here"), path, /owned by runner other/);
    other.child.kill("SIGCONT");
    expect(await other.ask("pause")).toBe("done");
    expect(await other.ask("close")).toBe("done");
    await storage.own("here");
  });

  it("that was taken over must not write any more; it can still read, leave, and own again after that", async () => {
    const path = newFile();
    const other = await otherProcess(path, "other");
    expect(await other.ask("own")).toBe("done");
    forge(path, 0);
    expect(await other.ask("pause")).toMatch(/^MILLRACE_STORAGE .*taken over by runner far of process 1 on elsewhere.*Stop this engine/);
    expect(await other.ask("own")).toMatch(/^MILLRACE_STORAGE .*owned by runner far/);
    expect(await other.ask("count")).toBe("done");
    expect(await other.ask("disown")).toBe("done");
    expect(withDatabase(path, (database) => database.prepare("SELECT runner FROM owner").get())).toEqual({ runner: "far" });
    // As a client.
    expect(await other.ask("pause")).toBe("done");
    forge(path, 60_000);
    expect(await other.ask("own")).toBe("done");
    expect(epochOf(path)).toBe(4);
  });
});

describe("an owner on another machine", () => {
  it("is asked for its last sign of life", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    forge(path, 20_000);
    await refusal(storage.own("here"), path, /owned by runner far of process 1 on elsewhere/);
    forge(path, 31_000);
    await storage.own("here");
    expect(epochOf(path)).toBe(3);
  });

  it("that takes over ends the writes here, but not the reads", async () => {
    const path = newFile();
    const storage = await openStorage({ path });
    await storage.own("here");
    const jobs = [newJob(), newJob()];
    await storage.enqueue(jobs, NOW);
    const claimed = await claimOne(storage, { runner: "here" });
    forge(path, 0);
    const advice = /taken over by runner far of process 1 on elsewhere.*Stop this engine/;
    const writes = [storage.complete([ending(claimed)]), storage.enqueue([newJob()], NOW), claim(storage), storage.cancel([jobs[1]?.id ?? ""], NOW)];
    for (const write of writes) await refusal(write, path, advice);
    expect((await storage.get([claimed.id], NOW))[0]?.state).toBe("running");
    await storage.close();
    expect(withDatabase(path, (database) => database.prepare("SELECT runner, epoch FROM owner").get())).toEqual({ runner: "far", epoch: 2 });
  });
});
