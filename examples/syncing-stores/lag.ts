/** How long changes take from one store to the other, for /metrics. */
import { component, key } from "millrace";
import { Metrics, type Collector } from "millrace/http";
import { Histogram } from "prom-client";
import { Activity } from "./activity.js";
import type { Store } from "./stores.js";

const DIRECTIONS: Readonly<Record<Store, string>> = { redis: "mongo-to-redis", mongo: "redis-to-mongo" };
const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60];

export const lag = component(key<Collector & { readonly end: () => void }>()("lag"), {
  in: [Metrics],
  needs: { activity: Activity },
  start: ({ activity }) => {
    const seconds = new Histogram({
      name: "customers_sync_lag_seconds",
      help: "From the write in one store until it was in the other one.",
      labelNames: ["direction"] as const,
      buckets: SECONDS,
      registers: [],
    });
    for (const direction of Object.values(DIRECTIONS)) seconds.zero({ direction });
    const end = activity.watch(({ type, store, lagMs }) => {
      if (type === "arrived" && lagMs !== undefined) seconds.observe({ direction: DIRECTIONS[store] }, lagMs / 1_000);
    });
    const collect: Collector = (registry) => registry.registerMetric(seconds);
    return Object.assign(collect, { end });
  },
  stop: ({ end }) => end(),
});
