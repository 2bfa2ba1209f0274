/** Whether a server and a collection are fit to be kept equal with Redis. */
import type { Collection, Db, Document } from "mongodb";
import { ConnectionError } from "../../lib/index.js";

/**
 * Checks what the rest relies on. The index of an empty collection is made here.
 *
 * @param id the field that is the id
 * @throws {ConnectionError} a standalone server; a server before 6.0; a view, capped or time series collection; one that compares
 *   texts otherwise than by their bytes; an id without unique index
 */
export async function checkMongo(db: Db, collection: string, id: string): Promise<void> {
  const [{ setName, msg }, { versionArray, version }, [found]] = await Promise.all([
    db.admin().command({ hello: 1 }),
    db.admin().command({ buildInfo: 1 }),
    db.listCollections({ name: collection }).toArray(),
  ]);
  if (setName === undefined && msg !== "isdbgrid") {
    throw new ConnectionError("The MongoDB server is a standalone one, a replica set is needed", {
      fix: "start mongod with --replSet rs0 and run rs.initiate() in mongosh once",
    });
  }
  if (Number((versionArray as readonly number[])[0]) < OLDEST) {
    throw new ConnectionError(`The MongoDB server is of version ${version}, ${OLDEST}.0 or newer is needed`, { fix: "upgrade the server" });
  }
  checkKind(`${db.databaseName}.${collection}`, found);
  if (id !== "_id") await checkIndex(db.collection(collection), id);
}

/** @param found what the server says of it; nothing where it is not there yet */
function checkKind(name: string, found: Document | undefined): void {
  const { type = "collection", options = {} } = (found ?? {}) as { readonly type?: string; readonly options?: Document };
  const fix = "copy it into an ordinary collection";
  const kind = type === "collection" ? options.capped === true && "capped collection" : type === "timeseries" ? "time series" : type;
  if (kind !== false) throw new ConnectionError(`"${name}" is a ${kind}, which cannot be kept equal with Redis`, { fix });
  if (options.collation !== undefined) {
    const what = `"${name}" compares texts by the collation "${options.collation.locale}", Redis by their bytes`;
    throw new ConnectionError(`${what}: two ids could be one`, { fix: `${fix} without a collation` });
  }
}

async function checkIndex(collection: Collection, id: string): Promise<void> {
  const indexes = await collection.indexes().catch((error: unknown) => {
    if ((error as { readonly code?: unknown }).code === NO_COLLECTION) return [];
    throw error;
  });
  if (indexes.some((index) => isUnique(index, id))) return;
  if ((await collection.findOne({}, { projection: { _id: 1 } })) === null) {
    await collection.createIndex({ [id]: 1 }, { unique: true });
    return;
  }
  throw new ConnectionError(`"${collection.namespace}" has no unique index on "${id}", which is the id of its records`, {
    fix: `run once in mongosh: db.getCollection(${JSON.stringify(collection.collectionName)}).createIndex({ ${JSON.stringify(id)}: 1 }, { unique: true })`,
  });
}

function isUnique({ key, unique, partialFilterExpression, collation, hidden }: Document, id: string): boolean {
  const fields = Object.keys(key as Document);
  return unique === true && !partialFilterExpression && !collation && !hidden && fields.length === 1 && fields[0] === id;
}

const OLDEST = 6;
const NO_COLLECTION = 26;
