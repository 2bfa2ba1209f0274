/** The system: fourteen components. */
import { system } from "millrace";
import { httpServer } from "millrace/http";
import { mongoConnection, Mongo } from "millrace/mongo";
import { redisConnection } from "millrace/redis";
import { activity } from "./activity.js";
import { customerRoutes } from "./customer-routes.js";
import { customers, customersFromMongo, customersFromRedis } from "./customers.js";
import { lag } from "./lag.js";
import { migrated } from "./migrated.js";
import { page } from "./page.js";
import { stores } from "./stores.js";
import { welcome } from "./welcome.js";

export const syncingStores = system(
  // A request is refused soon while the server is gone, and is then not carried out later.
  mongoConnection(Mongo, { replicaSet: true, client: { serverSelectionTimeoutMS: 1_500 } }),
  redisConnection(),
  migrated,
  customers,
  customersFromMongo,
  customersFromRedis,
  stores,
  activity,
  lag,
  customerRoutes("customers-v1", "v1", "mongo"),
  customerRoutes("customers-v2", "v2", "redis"),
  page,
  httpServer({ openApi: { title: "Customers in two stores" } }),
  welcome,
);
