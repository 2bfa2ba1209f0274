/** Puts the customer of one line into MongoDB and Redis, exactly once. */
import { createHash } from "node:crypto";
import { key } from "millrace";
import { migrator, type Migrator } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import { Redis } from "millrace/redis";
import { CustomerFile } from "./customer-file.js";
import { customerOf, stored } from "./customer.js";
import { customers, keyOf } from "./customers.js";

export const CustomerMigrator = key<Migrator<number>>()("customer-migrator");

export const customerMigrator = migrator(CustomerMigrator, {
  needs: { file: CustomerFile, mongo: Mongo, redis: Redis },
  migrate: async ({ file, mongo, redis }, line, { run, startedAt, dry, say }) => {
    const text = await file.read(line);
    if (text === undefined) return { kind: "missing" };
    const customer = customerOf(text);
    const digest = createHash("sha256").update(text).digest("hex");
    const { _id, ...fields } = stored(customer, { run, at: startedAt, line, digest });
    if (!dry) say("Migrating");
    // Whoever inserts it owns the id: what is there already stays as it is, whatever became of it since.
    const found = dry
      ? await customers(mongo).findOne({ _id })
      : await customers(mongo).findOneAndUpdate({ _id }, { $setOnInsert: fields }, { upsert: true, returnDocument: "after" });
    if (!found) return { kind: "migrated" };
    const { imported } = found;
    if (imported?.digest !== digest) throw new Error(`there is another "${_id}" already${imported ? `, of line ${imported.line}` : ""}`);
    // Not yet in Redis: it is new, or a crash came between the two writes.
    const isNew = !dry && (await redis.client.set(keyOf(_id), JSON.stringify(customer), "NX")) === "OK";
    return { kind: isNew || (imported.run === run && imported.line === line) ? "migrated" : "skipped" };
  },
});
