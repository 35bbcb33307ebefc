/**
 * Loaded before everything else, in every thread of the child: kills the process at a named point of the storage's thread, or breaks
 * its promises for the control. It wraps the SQLite library, so that nothing of this is in the storage.
 *
 * MILLRACE_KILL: { "verb": "enqueue", "when": "before", "nth": 3 }. MILLRACE_CONTROL: every so many transactions one is lost.
 */

import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";

const VERBS = {
  enqueue: /^INSERT INTO jobs/,
  claim: /^UPDATE jobs SET state = 'running'/,
  complete: /^UPDATE jobs SET state = \?.*finished_at = \?, bytes = \?/,
  reclaim: /^UPDATE jobs SET state = \?, ready = \?, attempt = attempt - 1/,
};
const point = process.env.MILLRACE_KILL === undefined ? undefined : JSON.parse(process.env.MILLRACE_KILL);
const loseEvery = Number(process.env.MILLRACE_CONTROL ?? Infinity);

if (!isMainThread && (point !== undefined || loseEvery < Infinity)) watch(library());

function library() {
  const builtIn = process.getBuiltinModule("node:sqlite");
  return builtIn?.DatabaseSync ?? createRequire(new URL("../../../dist/src/storage/sqlite/driver.js", import.meta.url))("better-sqlite3");
}

function watch({ prototype }) {
  const { exec, prepare } = prototype;
  const verbs = new Set();
  let reached = 0;
  let commits = 0;
  const kill = (when, verb) => {
    if (point?.verb !== verb || point.when !== when) return;
    reached += 1;
    if (reached === point.nth) process.kill(process.pid, "SIGKILL");
  };
  prototype.prepare = function (sql) {
    const statement = prepare.call(this, sql);
    const verb = Object.keys(VERBS).find((name) => VERBS[name].test(sql));
    if (verb === undefined) return statement;
    const { run } = statement;
    statement.run = (...values) => {
      verbs.add(verb);
      return run.apply(statement, values);
    };
    return statement;
  };
  prototype.exec = function (sql) {
    if (sql.includes("CREATE TABLE")) verbs.add("migrate");
    if (sql !== "COMMIT") return exec.call(this, sql);
    const written = [...verbs];
    verbs.clear();
    for (const verb of written) kill("before", verb);
    commits += 1;
    const isLost = written.includes("enqueue") && commits % loseEvery === 0;
    const done = exec.call(this, isLost ? "ROLLBACK" : sql);
    for (const verb of written) kill("after", verb);
    return done;
  };
}
