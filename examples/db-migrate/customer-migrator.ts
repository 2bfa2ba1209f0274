/** Makes one old customer new, exactly once. */
import { setTimeout as sleep } from "node:timers/promises";
import { config, key, schema } from "millrace";
import { migrator, type Migrator } from "millrace/migration";
import type { ObjectId } from "mongodb";
import { Connection, customers } from "./connection.js";
import { renewed } from "./customer.js";

const settings = schema({
  latency: { doc: "at most so long a pause a customer", format: "duration", default: 0 },
});

export const CustomerMigrator = key<Migrator<ObjectId>>()("customer-migrator");

export const customerMigrator = migrator(CustomerMigrator, {
  needs: { connection: Connection, settings: config(settings) },
  migrate: async ({ connection, settings: { latency } }, _id, { run, startedAt, dry, say, signal }) => {
    const collection = customers(connection);
    for (;;) {
      const old = await collection.findOne({ _id }, { signal });
      if (!old) return { kind: "missing" };
      // This run's own mark: it was interrupted between the write and the checkpoint.
      if (old.migrated) return { kind: old.migrated.run === run ? "migrated" : "skipped" };
      const customer = renewed(old, { run, at: startedAt });
      if (dry) return { kind: "migrated" };
      say("Migrating");
      if (latency > 0) await sleep(Math.random() * latency, undefined, { signal });
      // Only if what was read still stands: a change by somebody else in between is not lost, it is migrated too.
      const { name, address, phone } = old;
      const { _id: _, ...fields } = customer;
      const { matchedCount } = await collection.updateOne(
        { _id, name, address, phone, migrated: { $exists: false } },
        { $set: fields as object, $unset: { name: "", phone: "" } },
      );
      if (matchedCount === 1) return { kind: "migrated" };
    }
  },
});
