import { describe, expect, it } from "vitest";
import { type Accused, blame, type Evidence } from "../../../src/dispatch/blame.js";
import type { RunIdentity } from "../../../src/protocol/messages.js";

/** As one letter each, in the order of the jobs. */
const LETTERS = { guilty: "G", suspect: "S", innocent: "i" } as const;

function run(id: string, attempt = 1): RunIdentity {
  return { id, name: "job", attempt, meta: {} };
}

function accused(id: string, overrides: Partial<Accused> = {}): Accused {
  return { id, attempt: 1, condemned: null, hasDeadline: true, heardStop: false, ...overrides };
}

const a = accused("a");
const b = accused("b");
const late = accused("a", { condemned: "timeout" });
const lateButFree = accused("a", { condemned: "timeout", heardStop: true });
const alsoLate = accused("b", { condemned: "timeout" });
const cancelled = accused("a", { condemned: "cancel" });

const CAUSES: readonly Evidence["cause"][] = ["ended", "killed", "exited", "memory"];
const KILLED = { cause: "killed", wasDeaf: false } as const;
const DEAF = { cause: "killed", wasDeaf: true } as const;
const EXITED = { cause: "exited" } as const;
const MEMORY = { cause: "memory" } as const;

type Case = readonly [what: string, death: Partial<Evidence>, jobs: readonly Accused[], verdicts: string];

/** All jobs run, unless the case says otherwise. */
const CASES: readonly Case[] = [
  ["an orderly end", { cause: "ended" }, [a, b], "ii"],
  ["an orderly end, whoever was late", { cause: "ended" }, [late, b], "ii"],
  ["a kill, of whom it was for", KILLED, [late, b], "Gi"],
  ["a kill, of both whom it was for", KILLED, [late, alsoLate], "GG"],
  ["a kill that was for nobody who is still there", KILLED, [a, b], "ii"],
  ["a kill for one who does not run any more", { ...KILLED, started: ["b"] }, [late, b], "ii"],
  ["a kill for a cancel", KILLED, [cancelled, b], "Gi"],
  ["a kill for a deadline, with one cancelled", KILLED, [cancelled, alsoLate], "iG"],
  ["a kill, whoever is said to hold the thread that listens", { ...KILLED, culprit: run("b") }, [late, b], "Gi"],
  ["a deaf lane, held by the late one", { ...DEAF, culprit: run("a") }, [late, b], "Gi"],
  ["a deaf lane, held by another", { ...DEAF, culprit: run("b") }, [late, b], "iG"],
  ["a deaf lane, held by one of two late ones", { ...DEAF, culprit: run("b") }, [late, alsoLate], "iG"],
  ["a deaf lane, held by a run that is over", { ...DEAF, culprit: run("c") }, [late, b], "ii"],
  ["a deaf lane, held by an earlier run of the same job", { ...DEAF, culprit: run("b", 7) }, [late, b], "ii"],
  ["a deaf lane, held by nobody's code", { ...DEAF, culprit: "nobody" }, [late, b], "ii"],
  ["a deaf lane, held by nobody's code, with one job", { ...DEAF, culprit: "nobody" }, [late], "i"],
  ["a deaf lane, held by no one knows whom, with one job", DEAF, [late], "G"],
  ["a deaf lane, held by no one knows whom", DEAF, [late, b], "SS"],
  ["a deaf lane, held by no one knows whom: alone, one without a deadline could not be found guilty", DEAF, [late, accused("b", { hasDeadline: false })], "Si"],
  ["a deaf lane, of which one job runs", { ...DEAF, started: ["a"] }, [late, b], "Gi"],
  ["a lane that went deaf after the late one had been asked to stop", { ...DEAF, culprit: run("b") }, [lateButFree, b, accused("c")], "SSi"],
  ["the same, held by the late one itself", { ...DEAF, culprit: run("a") }, [lateButFree, b], "Gi"],
  ["the same, held by nobody's code", { ...DEAF, culprit: "nobody" }, [lateButFree, b], "Gi"],
  ["the same, held by a run that is over", { ...DEAF, culprit: run("c") }, [lateButFree, b], "Gi"],
  ["a deaf lane, killed for a cancel", { ...DEAF, culprit: run("a") }, [cancelled, b], "Gi"],
  ["a deaf lane, killed for a cancel, held by another", { ...DEAF, culprit: run("b") }, [cancelled, b], "Gi"],
  ["an exit, by one that runs", { ...EXITED, culprit: run("b") }, [a, b], "iG"],
  ["an exit, by a run that is over", { ...EXITED, culprit: run("c") }, [a, b], "ii"],
  ["an exit, by an earlier run of the same job", { ...EXITED, culprit: run("a", 2) }, [a], "i"],
  ["an exit, by nobody's code", { ...EXITED, culprit: "nobody" }, [a], "i"],
  ["an exit, of one job", EXITED, [a], "G"],
  ["an exit, of one job that runs and one that does not", { ...EXITED, started: ["b"] }, [a, b], "iG"],
  ["an exit, of several", EXITED, [a, b], "SS"],
  ["an exit, of an idle lane", { ...EXITED, started: [] }, [], ""],
  ["a full heap, of one job", MEMORY, [a], "G"],
  ["a full heap, of several", MEMORY, [a, b], "SS"],
  ["a full heap, of several, whoever's code found it full", { ...MEMORY, culprit: run("a") }, [a, b], "SS"],
  ["a full heap, of one that runs and one that does not", { ...MEMORY, started: ["a"] }, [a, b], "Gi"],
];

describe("who pays for", () => {
  it.each(CASES)("%s", (...[, death, jobs, verdicts]) => {
    const found = blame({ cause: "exited", culprit: null, wasDeaf: false, started: jobs.map(({ id }) => id), ...death }, jobs);
    expect(jobs.map(({ id }) => LETTERS[found.get(id) ?? "innocent"]).join("")).toBe(verdicts);
    expect(found.size).toBe(jobs.length);
  });

  it("any death: never who had not started", () => {
    for (const cause of CAUSES) {
      for (const wasDeaf of [false, true]) {
        for (const culprit of [null, "nobody", run("a"), run("b"), run("c")] as const) {
          for (const other of [b, alsoLate]) {
            const found = blame({ cause, culprit, wasDeaf, started: ["b"] }, [late, other]);
            expect(found.get("a"), `${cause} ${String(wasDeaf)} ${JSON.stringify(culprit)}`).toBe("innocent");
          }
        }
      }
    }
  });
});
