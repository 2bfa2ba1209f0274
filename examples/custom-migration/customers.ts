/** The targets: customers as MongoDB and Redis hold them. */
import type { MongoConnection } from "millrace/mongo";
import type { Collection } from "mongodb";
import type { StoredCustomer } from "./customer.js";

const CUSTOMERS = "customers";

export function customers({ db }: MongoConnection): Collection<StoredCustomer> {
  return db.collection<StoredCustomer>(CUSTOMERS);
}

/** The key in Redis. */
export function keyOf(id: string): string {
  return `customers:${id}`;
}

/** Makes the collection where there is none; no two customers share an email address. */
export async function prepare(mongo: MongoConnection): Promise<void> {
  await customers(mongo).createIndex({ email: 1 }, { unique: true });
}

/** Tells this collection from any other, also from one of the same name that was made anew. */
export async function identityOf({ db }: MongoConnection): Promise<string> {
  const [collection] = await db.listCollections({ name: CUSTOMERS }, { nameOnly: false }).toArray();
  return `${db.databaseName}.${CUSTOMERS} ${collection?.info?.uuid?.toString("hex") ?? "(none)"}`;
}
