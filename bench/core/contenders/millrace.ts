/** millrace: functional components in a system. */
import { component, key, System, type Key } from "../../../lib/index.js";
import type { Declare } from "../contender.js";

export const declare: Declare = (graph) => {
  const keys: Key<object>[] = graph.map(({ name }) => key<object>()(name));
  const parts = graph.map(({ needs, start, stop }, index) => {
    const [a, b, c] = needs.map((need) => keys[need]);
    const named: Record<string, Key<object>> = c && b && a ? { a, b, c } : b && a ? { a, b } : a ? { a } : {};
    return component(keys[index] as Key<object>, { needs: named, start, stop });
  });
  const all = System.of(parts);
  return async () => {
    const running = await all.start();
    return () => running.stop();
  };
};
