import type { Pool } from "../dispatch/pool.js";
import { ending } from "./pool-suite/ending.js";
import { outcomes } from "./pool-suite/outcomes.js";
import { retiring } from "./pool-suite/retiring.js";
import { Scene } from "./pool-suite/scene.js";
import type { Case, PoolPlan, PoolSupports, Section } from "./pool-suite/section.js";
import { sending } from "./pool-suite/sending.js";
import { starting } from "./pool-suite/starting.js";
import { stopAsking } from "./pool-suite/stop-asking.js";
import { stopping } from "./pool-suite/stopping.js";
import { takingBack } from "./pool-suite/taking-back.js";
import { watching } from "./pool-suite/watching.js";
import type { SuiteRunner } from "./storage-suite.js";

export type { PoolPlan, PoolSupports } from "./pool-suite/section.js";

export interface PoolSuiteOptions {
  /** What this kind of pool can do. */
  readonly supports: PoolSupports;
  /** Gives a new pool that has not started; called for every test. */
  readonly make: (plan: PoolPlan) => Pool;
}

const SECTIONS: readonly Section[] = [starting, sending, outcomes, takingBack, stopAsking, watching, ending, retiring, stopping];

/**
 * Holds a pool to the contract in `src/dispatch/pool.ts`, as far as its `supports` goes.
 *
 * @example
 * import { describe, it } from "vitest";
 * poolSuite({ describe, it }, { supports, make: (plan) => new MyPool(plan) });
 */
export function poolSuite(runner: SuiteRunner, { supports, make }: PoolSuiteOptions): void {
  for (const { title, cases } of SECTIONS) {
    runner.describe(title, () => {
      for (const each of cases) {
        if (each.when?.(supports) !== false) runner.it(each.title, () => runCase(each, new Scene(make, supports)));
      }
    });
  }
}

async function runCase({ run }: Case, scene: Scene): Promise<void> {
  try {
    await run(scene);
  } finally {
    await scene.end();
  }
}
