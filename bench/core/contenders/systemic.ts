/** systemic: a definition for each component, and the system's own start and stop. */
import type { Declare } from "../contender.js";
import { peer } from "../peer.js";

interface System {
  add(name: string, definition: { start(needs: object): Promise<object>; stop(): Promise<void> }): System;
  dependsOn(...names: readonly (string | undefined)[]): System;
  start(): Promise<object>;
  stop(): Promise<void>;
}

const systemic = peer<() => System>("systemic");

export const declare: Declare = (graph) => {
  const system = systemic();
  for (const { name, needs, start, stop } of graph) {
    system.add(name, { start, stop }).dependsOn(...needs.map((need) => graph[need]?.name));
  }
  return async () => {
    await system.start();
    return () => system.stop();
  };
};
