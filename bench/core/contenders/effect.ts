/** Effect: a scoped layer for each component, provided with the layers it needs, in a managed runtime. */
import type { Declare } from "../contender.js";
import { roots } from "../graph.js";
import { peer } from "../peer.js";

type Effect = object;
type Layer = object;
type Tag = Effect;

const { Context, Effect, Layer, ManagedRuntime } = peer<{
  readonly Context: { GenericTag(name: string): Tag };
  readonly Effect: {
    readonly void: Effect;
    acquireRelease(acquire: Effect, release: () => Effect): Effect;
    all(effects: readonly (Effect | undefined)[]): Effect;
    promise(make: () => Promise<unknown>): Effect;
    zipRight(first: Effect, second: Effect): Effect;
  };
  readonly Layer: {
    mergeAll(...layers: readonly (Layer | undefined)[]): Layer;
    provide(layer: Layer, needs: Layer): Layer;
    scoped(tag: Tag, value: Effect): Layer;
  };
  readonly ManagedRuntime: { make(layer: Layer): { runPromise(effect: Effect): Promise<unknown>; dispose(): Promise<void> } };
}>("effect");

export const declare: Declare = (graph) => {
  const tags = graph.map(({ name }) => Context.GenericTag(name));
  const layers = new Map<string, Layer>();
  for (const [index, { name, needs, start, stop }] of graph.entries()) {
    const resource = Effect.acquireRelease(Effect.promise(start), () => Effect.promise(stop));
    const values = Effect.all(needs.map((need) => tags[need]));
    const layer = Layer.scoped(tags[index] as Tag, Effect.zipRight(values, resource));
    const needed = needs.map((need) => layers.get(graph[need]?.name ?? ""));
    layers.set(name, needs.length > 0 ? Layer.provide(layer, Layer.mergeAll(...needed)) : layer);
  }
  const all = Layer.mergeAll(...roots(graph).map(({ name }) => layers.get(name)));
  return async () => {
    const runtime = ManagedRuntime.make(all);
    await runtime.runPromise(Effect.void);
    return () => runtime.dispose();
  };
};
