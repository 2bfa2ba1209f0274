/** Floors that decode every document into an object and encode a new one. */
import type { FindCursor } from "mongodb";
import { changed, targetOf, type OldCustomer } from "./customers.js";
import { ranges, type Floor, type Ground } from "./ground.js";

const BATCH = 1_000;

/** What is written first: a cursor, and every insert awaited. */
export const insertOne: Floor = {
  oneOf: 20,
  run: async ({ source, targets }) => {
    for await (const customer of source.find()) await targets[targetOf(customer)].insertOne(changed(customer));
  },
};

/** What is written next: a cursor and a list, read and written by turns. */
export const insertMany: Floor = {
  run: async ({ source, targets }) => readAndWrite(source.find({}, { batchSize: BATCH }), targets),
};

/** The same in ranges, all at once. */
export const eightRanges: Floor = {
  run: async ({ source, targets, count }) => {
    const parts = ranges(count, 8).map((_id) => readAndWrite(source.find({ _id }, { batchSize: BATCH }), targets));
    await Promise.all(parts);
  },
};

async function readAndWrite(cursor: FindCursor<OldCustomer>, targets: Ground["targets"]): Promise<void> {
  let batch: OldCustomer[] = [];
  for await (const customer of cursor) {
    batch.push(customer);
    if (batch.length < BATCH) continue;
    await writeBatch(batch, targets);
    batch = [];
  }
  await writeBatch(batch, targets);
}

/** The fastest that is known with objects: four ranges, each fetching the next batch while one is written, unordered. */
export const tuned: Floor = {
  run: async ({ source, targets, count }) => {
    const parts = ranges(count, 4).map(async (_id) => {
      const cursor = source.find({ _id }, { batchSize: BATCH });
      let fetching = cursor.hasNext();
      while (await fetching) {
        const batch = cursor.readBufferedDocuments();
        fetching = cursor.hasNext();
        await writeBatch(batch, targets);
      }
    });
    await Promise.all(parts);
  },
};

async function writeBatch(batch: readonly OldCustomer[], targets: Ground["targets"]): Promise<void> {
  const lists = { current: [] as object[], old: [] as object[] };
  for (const customer of batch) lists[targetOf(customer)].push(changed(customer));
  const filled = (["current", "old"] as const).filter((name) => lists[name].length > 0);
  await Promise.all(filled.map((name) => targets[name].insertMany(lists[name], { ordered: false })));
}
