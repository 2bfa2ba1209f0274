/** The connection to the customers. */
import { key } from "millrace";
import type { MongoConnection } from "millrace/mongo";
import type { Collection } from "mongodb";
import type { NewCustomer, OldCustomer } from "./customer.js";

export const Connection = key<MongoConnection>()("connection");

/** Old and new customers live in one collection while it is migrated. */
export type StoredCustomer = OldCustomer & Partial<Pick<NewCustomer, "migrated">>;

export const CUSTOMERS = "customers";

export function customers({ db }: MongoConnection): Collection<StoredCustomer> {
  return db.collection<StoredCustomer>(CUSTOMERS);
}
