/** Finds every customer, by _id. */
import { key } from "millrace";
import { mongoIds, mongoLease, scanner, type Scanner } from "millrace/migration";
import type { ObjectId } from "mongodb";
import { Connection, customers } from "./connection.js";

export const CustomerScanner = key<Scanner<ObjectId>>()("customer-scanner");

export const customerScanner = scanner(CustomerScanner, {
  noun: { one: "customer", many: "customers" },
  needs: { connection: Connection },
  ids: mongoIds<ObjectId>(),
  page: async ({ connection }, { after, limit, signal }) => {
    const filter = after ? { _id: { $gt: after } } : {};
    const rows = await customers(connection)
      .find(filter, { projection: { _id: 1 }, sort: { _id: 1 }, limit, batchSize: limit, signal })
      .toArray();
    return rows.map(({ _id }) => _id);
  },
  count: ({ connection }) => customers(connection).countDocuments(),
  source: async ({ connection: { db } }) => {
    const [collection] = await db.listCollections({ name: "customers" }, { nameOnly: false }).toArray();
    return `${db.databaseName}.customers ${collection?.info?.uuid?.toString("hex") ?? "(empty)"}`;
  },
  lease: ({ connection }) => mongoLease(connection.db, "customer-migration"),
});
