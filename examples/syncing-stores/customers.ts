/** The customers: a collection in MongoDB and keys in Redis that are kept equal. */
import { key } from "millrace";
import { mongoListener, redisListener, syncCollection, type CollectionSync } from "millrace/sync";
import type { Customer } from "./customer.js";
import { Migrated } from "./migrated.js";

export const Customers = key<CollectionSync<Customer>>()("customers");

/** `users` of the database that `mongo/database` names, and `customers:<uid>` in Redis. */
export const customers = syncCollection(Customers, {
  mongo: { connection: Migrated, collection: "users" },
  redis: { prefix: "customers:" },
  id: "uid",
});

export const customersFromMongo = mongoListener(Customers);
export const customersFromRedis = redisListener(Customers);
