/** The floor: a promise per component by hand, stopped one by one in reverse; no check, no time limit, no rollback. */
import type { Declare } from "../contender.js";

export const declare: Declare = (graph) => async () => {
  const starts: Promise<unknown>[] = [];
  for (const { needs, start } of graph)
    starts.push(needs.length > 0 ? Promise.all(needs.map((need) => starts[need] as Promise<unknown>)).then(start) : start());
  const values = await Promise.all(starts);
  return async () => {
    for (let index = values.length - 1; index >= 0; index--) await graph[index]?.stop();
  };
};
