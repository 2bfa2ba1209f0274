/** The floor that decodes two fields and splices one into the bytes of the document. */
import { rawBatches } from "../../../components/migration/raw-batches.js";
import { fieldReader, splice } from "../../../components/migration/raw-document.js";
import { insertRaw } from "../../../components/migration/raw-writes.js";
import { targetOf, type OldCustomer } from "./customers.js";
import { ranges, type Floor } from "./ground.js";

const BATCH = 1_000;

export const spliced: Floor = {
  run: async ({ source, targets, count }) => {
    const read = fieldReader(["name", "stillClient"]);
    const parts = ranges(count, 4).map(async (_id) => {
      for await (const batch of rawBatches(source.find({ _id }, { raw: true, batchSize: BATCH }))) {
        const lists = { current: [] as Uint8Array[], old: [] as Uint8Array[] };
        for (const raw of batch) {
          const { name, stillClient } = read(raw) as OldCustomer;
          lists[targetOf({ stillClient })].push(splice(raw, { set: { fullName: name.toUpperCase() }, unset: ["name"] }));
        }
        const refused = await Promise.all((["current", "old"] as const).map((name) => insertRaw(targets[name], lists[name])));
        if (refused.flat().length > 0) throw new Error(refused.flat()[0]?.message);
      }
    });
    await Promise.all(parts);
  },
};
