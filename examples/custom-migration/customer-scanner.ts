/** Finds every customer: the lines of the file, by their numbers. */
import { key } from "millrace";
import { mongoLease, scanner, type Scanner } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import { CustomerFile } from "./customer-file.js";
import { identityOf } from "./customers.js";
import { lineNumbers } from "./line-numbers.js";

export const CustomerScanner = key<Scanner<number>>()("customer-scanner");

export const customerScanner = scanner(CustomerScanner, {
  noun: { one: "customer", many: "customers" },
  needs: { file: CustomerFile, mongo: Mongo },
  ids: lineNumbers,
  page: async ({ file }, { after = 0, limit }) => file.linesAfter(after, limit),
  count: async ({ file }) => file.count,
  source: async ({ file, mongo }) => `file ${file.digest} for ${await identityOf(mongo)}`,
  lease: ({ mongo }) => mongoLease(mongo.db, "customer-migration"),
});
