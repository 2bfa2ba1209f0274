/** The collection of the customers: what a document must have, and that no two have the same uid. */

const COLLECTION = "users";

const validator = {
  $jsonSchema: {
    bsonType: "object",
    required: ["uid", "name", "address"],
    properties: {
      uid: { bsonType: "string", minLength: 1 },
      name: { bsonType: "string" },
      address: { bsonType: "string" },
    },
  },
};

/** Run by `npx migrate up`; may be run twice. */
export async function up({ db }) {
  const isThere = await db.listCollections({ name: COLLECTION }).hasNext();
  if (isThere) await db.command({ collMod: COLLECTION, validator });
  else await db.createCollection(COLLECTION, { validator });
  await db.collection(COLLECTION).createIndex({ uid: 1 }, { unique: true });
}

/** Run by `npx migrate down`: the customers are gone then. */
export async function down({ db }) {
  await db.collection(COLLECTION).drop();
}
