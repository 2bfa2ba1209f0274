/** The migration that is measured with threads; they load this module. */
import { Mongo } from "../../components/mongo-connection.js";
import { dataMigration, from, into, put } from "../../components/migration/index.js";
import { changed, targetOf, type OldCustomer } from "./floors/customers.js";

export const split = dataMigration({
  name: "bench",
  module: import.meta.url,
  source: from<OldCustomer>(Mongo, "customers"),
  target: into(Mongo, { collections: ["current", "old"] }),
  transform: (customer) => put(targetOf(customer), changed(customer)),
});
