/** The clients to be split: from a file, or made up. */
import { setImmediate as breath } from "node:timers/promises";
import { component, config, key, plural, schema } from "millrace";
import { StatusBoard } from "millrace/components";
import type { StoredClient } from "./client.js";
import { clientsIn } from "./clients-file.js";
import { madeClients } from "./made-clients.js";

const settings = schema({
  file: { doc: "where they are: .js, .json or .ndjson; none: they are made up", format: String, default: null },
  count: { doc: "how many to make up", format: "positive", default: 20_000 },
  seed: { doc: "of those made up: the same seed makes the same clients", format: "nat", default: 1 },
});

/** All of them, and how more can be had. */
export interface ClientList {
  readonly all: readonly StoredClient[];
  /** the file they are from; undefined where they are made up */
  readonly file: string | undefined;
}

export const Clients = key<ClientList>()("clients");

/** So many at a time: in between, connections that are being made have their turn. */
const AT_A_TIME = 1_000;

export const clients = component(Clients, {
  needs: { settings: config(settings), statusBoard: StatusBoard },
  start: async ({ settings: { file, count, seed }, statusBoard }, { signal }): Promise<ClientList> => {
    const job = statusBoard.job({ prefix: "clients" });
    const all: StoredClient[] = [];
    const source = file === null ? madeClients(count, seed) : clientsIn(file, signal);
    for await (const client of source) {
      all.push({ _id: all.length + 1, ...client });
      if (all.length % AT_A_TIME > 0) continue;
      job.update({
        summary: file === null ? "Making clients" : `Reading ${file}`,
        progress: { value: all.length, ...(file === null ? { total: count } : {}) },
      });
      await breath(undefined, { signal });
    }
    const still = all.filter(({ stillClient }) => stillClient).length;
    const split = `${still.toLocaleString("en-US")} current, ${(all.length - still).toLocaleString("en-US")} old`;
    const summary = `${file === null ? "Made" : "Read"} ${plural(all.length, "client")}: ${split}`;
    job.done({ summary, status: "success", progress: undefined });
    return { all, file: file ?? undefined };
  },
  timeoutMs: { start: 1_800_000 },
});
