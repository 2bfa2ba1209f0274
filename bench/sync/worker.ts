/** A process of its own for one that takes part: begins when it is told to, and says what it cost. */
import { FOLLOWERS, type FollowerName } from "./followers.js";
import type { Following } from "./follower.js";
import type { Uris } from "./stores.js";

export type Order = "follow" | "compare" | "usage" | "stop";

/** What it has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly mostBytes: number;
}

export type Answer = { readonly value: Usage } | { readonly error: string };

const [name, uris] = JSON.parse(process.argv[2] ?? "") as [FollowerName, Uris];
const follow = await FOLLOWERS[name]();
let following: Following | undefined;

process.on("disconnect", () => process.exit());
process.on("message", (order: Order) => {
  obey(order)
    .then((): Answer => ({ value: usage() }))
    .catch((error: unknown): Answer => ({ error: String(error) }))
    .then((answer) => process.send?.(answer))
    .then(() => order === "stop" && process.disconnect())
    .catch(() => process.exit(1));
});
process.send?.({ value: usage() } satisfies Answer);

async function obey(order: Order): Promise<void> {
  if (order === "follow") following = await follow(uris);
  else if (order === "compare") await following?.compare?.();
  else if (order === "stop") await following?.stop();
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, residentBytes: process.memoryUsage.rss(), mostBytes: process.resourceUsage().maxRSS * 1_024 };
}
