/** inversify: singletons resolved from asynchronous factories, deactivated when the container unbinds them. */
import type { Declare } from "../contender.js";
import { roots } from "../graph.js";
import { peer } from "../peer.js";

interface Binding {
  toResolvedValue(make: () => Promise<object>, needs: readonly (string | undefined)[]): Binding;
  inSingletonScope(): Binding;
  onDeactivation(stop: () => Promise<void>): void;
}

interface Container {
  bind(name: string): Binding;
  getAsync(name: string): Promise<object>;
  unbindAllAsync(): Promise<void>;
}

const { Container } = peer<{ readonly Container: new () => Container }>("inversify");

export const declare: Declare = (graph) => {
  const container = new Container();
  for (const { name, needs, start, stop } of graph) {
    const names = needs.map((need) => graph[need]?.name);
    container.bind(name).toResolvedValue(start, names).inSingletonScope().onDeactivation(stop);
  }
  return async () => {
    await Promise.all(roots(graph).map(({ name }) => container.getAsync(name)));
    return () => container.unbindAllAsync();
  };
};
