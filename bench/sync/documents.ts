/** Records of about 200 bytes. Their texts differ all over: Lua hashes only some characters of a long text, and those must not be the same. */
import { randomBytes } from "node:crypto";
import { jsonCodec } from "../../components/sync/codec.js";
import { hashOf } from "../../components/sync/record.js";
import { nextVersion } from "../../components/sync/version.js";
import { RECORDS, type RecordDocument, type Stores } from "./stores.js";

const NAME_BYTES = 24;
const ADDRESS_BYTES = 78;
const BATCH = 5_000;
const codec = jsonCodec();

export const newId = (): string => randomBytes(12).toString("hex");

export function newRecord(_id = newId()): RecordDocument {
  return { _id, name: randomBytes(NAME_BYTES).toString("base64"), address: randomBytes(ADDRESS_BYTES).toString("base64") };
}

/** The same as a writer leaves it who keeps our books. */
export function stamped(record: RecordDocument): RecordDocument {
  return { ...record, _sync: { v: nextVersion(Date.now(), "m"), h: hashOf(textOf(record)) } };
}

export function textOf({ name, address }: RecordDocument): string {
  return codec.encode({ name, address });
}

/** As many new documents; their ids. */
export async function fill({ db }: Stores, count: number, isStamped: boolean): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let left = count; left > 0; left -= BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, left) }, () => (isStamped ? stamped(newRecord()) : newRecord()));
    ids.push(...batch.map(({ _id }) => _id));
    await db.collection<RecordDocument>(RECORDS).insertMany(batch, { ordered: false, writeConcern: { w: "majority" } });
  }
  return ids;
}
