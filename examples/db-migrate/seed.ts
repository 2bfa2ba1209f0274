/** Makes customers of the old schema, so that there is something to migrate. */
import { Faker, base, en } from "@faker-js/faker";
import type { StatusBoard } from "millrace/components";
import { mongoLease } from "millrace/migration";
import type { MongoConnection } from "millrace/mongo";
import { ObjectId } from "mongodb";
import { CUSTOMERS } from "./connection.js";
import type { OldCustomer } from "./customer.js";

const BATCH = 1_000;
/** Which customers of each seeding are broken, counted from 0: an old program always left some. */
const BROKEN = [77, 4_711];

/**
 * Fills a database that has no customers. They are made beside and put in place in one step: seen are all of them or none,
 * and a seeding that was interrupted begins anew. Returns how many were there already.
 *
 * @throws {AlreadyRunningError} when another process is at it
 */
export async function seed({ db }: MongoConnection, board: StatusBoard, count: number, signal: AbortSignal): Promise<number> {
  const present = await db.collection(CUSTOMERS).countDocuments();
  if (present > 0 || count === 0) return present;
  const lease = await mongoLease(db, "customer-seed");
  try {
    const job = board.job({ prefix: "Customer seed" });
    const seeding = db.collection<OldCustomer>(`${CUSTOMERS}.seeding`);
    await seeding.drop();
    const faker = new Faker({ locale: [en, base], seed: 1 });
    for (let from = 0; from < count; from += BATCH) {
      if (signal.aborted) {
        job.done({ summary: "Stopped", status: "warning" });
        return 0;
      }
      const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => oldCustomer(from + index, faker));
      await seeding.insertMany(batch, { ordered: false });
      job.update({ summary: "Making customers of the old schema", progress: { value: from + batch.length, total: count } });
    }
    await db.collection(CUSTOMERS).drop();
    await seeding.rename(CUSTOMERS);
    job.done({ summary: `Made ${count.toLocaleString("en-US")} customers of the old schema`, status: "success", progress: undefined });
    return 0;
  } finally {
    await lease.release();
  }
}

function oldCustomer(index: number, faker: Faker): OldCustomer {
  const name = `${faker.person.firstName()} ${faker.person.lastName()}`;
  const address = `${faker.location.streetAddress()}, ${faker.location.zipCode("#####")} ${faker.location.city()}`;
  const phone = faker.helpers.replaceSymbols("+1 ### ### ####");
  const _id = new ObjectId(faker.database.mongodbObjectId());
  return { _id, name, address: BROKEN.includes(index) ? (null as unknown as string) : address, phone };
}
