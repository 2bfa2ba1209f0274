/** Refuses views, of which a range cannot be read by `_id` and into which nothing can be written. */
import type { Db } from "mongodb";
import { MigrationInputError } from "../../lib/index.js";

/** @throws {MigrationInputError} where one of these collections is a view, or of another kind that has no index by `_id` */
export async function refuseViews(db: Db, names: readonly string[], role: "source" | "target"): Promise<void> {
  const found = await db.listCollections({ name: { $in: names } }, { nameOnly: true }).toArray();
  for (const { name, type } of found) {
    if (type === "collection" || type === undefined) continue;
    const kind = type === "view" ? "a view" : `a collection of the kind "${type}"`;
    throw new MigrationInputError(`The ${role} "${db.databaseName}.${name}" is ${kind}, which has no index by _id`, {
      fix: role === "source" ? "take the collection behind it as source, with a filter or a pipeline" : "name a collection",
    });
  }
}
