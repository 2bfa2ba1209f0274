/** The floor that computes every document's change here and sends nothing but the changes. */
import { ranges, type Floor } from "./ground.js";

const BATCH = 1_000;

export const updateOne: Floor = {
  isInPlace: true,
  run: async ({ source, count }) => {
    const parts = ranges(count, 4).map(async (_id) => {
      const cursor = source.find({ _id }, { batchSize: BATCH });
      let fetching = cursor.hasNext();
      while (await fetching) {
        const batch = cursor.readBufferedDocuments();
        fetching = cursor.hasNext();
        const updates = batch.map(({ _id: id, name }) => ({
          updateOne: { filter: { _id: id }, update: { $set: { fullName: name.toUpperCase() }, $unset: { name: "" } } },
        }));
        await source.bulkWrite(updates, { ordered: false });
      }
    });
    await Promise.all(parts);
  },
};
