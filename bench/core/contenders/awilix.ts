/** awilix: singletons made by functions, disposed by the container; it waits for nothing, so the values are promises. */
import type { Declare } from "../contender.js";
import { roots } from "../graph.js";
import { peer } from "../peer.js";

type Values = Readonly<Record<string, Promise<object>>>;

interface Resolver {
  singleton(): Resolver;
  disposer(dispose: (value: Promise<object>) => Promise<void>): Resolver;
}

interface Container {
  register(resolvers: Readonly<Record<string, Resolver>>): void;
  resolve(name: string): Promise<object>;
  dispose(): Promise<void>;
}

const { createContainer, asFunction } = peer<{
  createContainer(): Container;
  asFunction(make: (values: Values) => Promise<object>): Resolver;
}>("awilix");

export const declare: Declare = (graph) => {
  const container = createContainer();
  for (const { name, needs, start, stop } of graph) {
    const names = needs.map((need) => graph[need]?.name ?? "");
    const make = async (values: Values) => {
      await Promise.all(names.map((need) => values[need] as Promise<object>));
      return start();
    };
    container.register({ [name]: asFunction(make).singleton().disposer(stop) });
  }
  return async () => {
    await Promise.all(roots(graph).map(({ name }) => container.resolve(name)));
    return () => container.dispose();
  };
};
