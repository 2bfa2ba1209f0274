/** How tasks follow one another: one after the other, or side by side. */

export type Task = () => Promise<void>;

/** Runs every task. After a failure none is begun, those at work are waited for, then the failure is thrown. */
export type Pace = (tasks: Iterable<Task>) => Promise<void>;

export const sequential: Pace = async (tasks) => {
  for (const task of tasks) await task();
};

/** @param lanes how many tasks may be at work at once, from 1 up; each lane takes the next task when it is free */
export function parallel(lanes: number): Pace {
  return async (tasks) => {
    // A generator, because the lane that fails closes it, and then there is nothing left for the others to take.
    const queue = oneByOne(tasks);
    const outcomes = await Promise.allSettled(Array.from({ length: lanes }, () => sequential(queue)));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  };
}

function* oneByOne(tasks: Iterable<Task>): Generator<Task> {
  yield* tasks;
}
