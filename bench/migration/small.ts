/** Customers of a few fields, about 110 bytes, made inside the server: as many as a long run takes. */
import type { Db } from "mongodb";

const BATCH = 100_000;

/** Fills `customers` with `count` of them. */
export async function prepareSmall(db: Db, count: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const made = {
      _id: "$number",
      name: { $concat: ["Customer ", { $toString: "$number" }] },
      stillClient: { $ne: [{ $mod: ["$number", 3] }, 0] },
      visits: { $mod: ["$number", 500] },
      language: "no",
      createdAt: { $add: [new Date(1_500_000_000_000), "$number"] },
    };
    const pipeline = [
      { $documents: [{ number: { $range: [from, Math.min(from + BATCH, count)] } }] },
      { $unwind: "$number" },
      { $replaceWith: made },
      { $merge: { into: "customers", whenMatched: "fail" } },
    ];
    await db.aggregate(pipeline).toArray();
  }
}
