/** The connection to a MongoDB that is ready: refuses to start as long as the collection's migration is not applied. */
import { component, config, key, schema, StateError } from "millrace";
import { missingMigrations } from "millrace/migration";
import { Mongo, type MongoConnection } from "millrace/mongo";

const settings = schema({
  folder: { doc: "where the migration files are", format: String, default: "migrations" },
});

export const Migrated = key<MongoConnection>()("migrated");

const COLLECTION = "users";

export const migrated = component(Migrated, {
  needs: { mongo: Mongo, settings: config(settings) },
  start: async ({ mongo, settings: { folder } }) => {
    const [first] = await missingMigrations(mongo.db, folder).catch(noneWhereNoFolder);
    if (first !== undefined) {
      throw new StateError(`the migration "${first}" is not applied to the database "${mongo.db.databaseName}"`, {
        fix: "run: npx migrate up",
      });
    }
    if (!(await mongo.db.listCollections({ name: COLLECTION }).hasNext())) {
      throw new StateError(
        `there is no collection "${mongo.db.databaseName}.${COLLECTION}", and no migration in "${folder}" that makes it`,
        {
          fix: "run: npx migrate create customers, then: npx migrate up",
        },
      );
    }
    return mongo;
  },
  look: { shape: "note" },
});

function noneWhereNoFolder(error: Error): readonly string[] {
  const { code } = (error.cause ?? {}) as { readonly code?: string };
  if (code === "ENOENT") return [];
  throw error;
}
