/** tsyringe: singleton classes injected through constructors; nothing is started, `dispose()` is what it has for a stop. */
import "reflect-metadata";
import { container, inject, injectable } from "tsyringe";
import type { Declare } from "../contender.js";
import { roots, type Graph } from "../graph.js";

type Class = ReturnType<typeof singletonClass>;

export const declare: Declare = (graph) => {
  const child = container.createChildContainer();
  const classes = classesOf(graph);
  for (const one of classes.values()) child.registerSingleton(one);
  return async () => {
    for (const { name } of roots(graph)) child.resolve(classes.get(name) as Class);
    return async () => child.dispose();
  };
};

/** tsyringe keeps every decorated class for ever; so each graph has its classes once, as a program has. */
const decorated = new WeakMap<Graph, ReadonlyMap<string, Class>>();

function classesOf(graph: Graph): ReadonlyMap<string, Class> {
  const known = decorated.get(graph);
  if (known) return known;
  const classes = new Map<string, Class>();
  for (const { name, needs, stop } of graph) {
    const one = singletonClass(stop);
    for (const [place, need] of needs.entries()) inject(classes.get(graph[need]?.name ?? "") as Class)(one, undefined, place);
    injectable()(one);
    classes.set(name, one);
  }
  decorated.set(graph, classes);
  return classes;
}

function singletonClass(stop: () => Promise<void>) {
  return class {
    readonly needs: readonly unknown[];
    constructor(...values: readonly unknown[]) {
      this.needs = values;
    }
    dispose() {
      return stop();
    }
  };
}
