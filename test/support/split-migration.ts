/** A migration in a module of its own, which threads can load. */
import type { Document } from "mongodb";
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, put, skip } from "../../components/migration/index.js";

export const splitInThreads = dataMigration({
  name: "split-in-threads",
  module: import.meta.url,
  source: from(Mongo, "clients"),
  target: into(Mongo, { collections: ["current", "old"] }),
  transform: (client: Document) => {
    if (client.name === "Client 8") throw Object.assign(new TypeError("address is not a string"), { code: 7 });
    if (client.name === "Client 10") return skip("a test client");
    const document = { ...client, name: String(client.name).toUpperCase() };
    return client.name === "Client 11"
      ? [put("current", document), put("old", document)]
      : put(client.stillClient ? "current" : "old", document);
  },
});
