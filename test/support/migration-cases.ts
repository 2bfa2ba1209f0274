/** A data migration of every lane and effect, and what each must make of the source, worked out without the library. */
import { BSON, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID, type Document } from "mongodb";
import type { AnySystem } from "../../lib/index.js";
import { dataMigration, from, into, put, skip, type DataMigrationOptions } from "../../components/migration/index.js";
import { Mongo } from "../../components/mongo-connection.js";

export const NAME = "crash";
export const SOURCE = "clients";
const VERSION = "1";

/** What a run gives its documents. */
interface Run {
  /** of the runs, from 1 up */
  readonly number: number;
  readonly startedAt: Date;
}

/** What becomes of a source document: the documents that there must be for it, by collection; or why there are none. */
type Fate = readonly { readonly into: string; readonly bytes: Uint8Array }[] | "skipped" | "failed" | "unread";

export interface MigrationCase {
  readonly migration: AnySystem;
  /** where its documents are in the end */
  readonly collections: readonly string[];
  readonly isInPlace: boolean;
  /** it is done range by range, and not chunk by chunk */
  readonly isInServer: boolean;
  /** a chunk and its checkpoint are there together, or not at all */
  readonly isTransaction: boolean;
  fate(raw: Uint8Array, run: Run): Fate;
}

type Options = DataMigrationOptions<Document, string, string>;

/** A document of the source: ids of every type, and some documents that are left out, some that fail, some that become two. */
export function clientOf(index: number): Document {
  const kind = index % 97 === 5 ? "broken" : index % 50 === 7 ? "test" : index % 3 === 0 ? "former" : "current";
  return {
    _id: idOf(index),
    number: new Int32(index),
    name: `Client ${index}`,
    kind,
    weight: new Double(index),
    hasCopy: index % 10 === 1,
  };
}

function idOf(index: number): unknown {
  const singles = [null, true, false, new MinKey(), new MaxKey(), Number.NaN, Decimal128.fromString("0.5"), new Double(0.25)];
  const many = [
    new Int32(index),
    `client ${index}`,
    new ObjectId(index.toString(16).padStart(24, "0")),
    { region: index % 7, number: index },
    new Date(index * 86_400_000),
    new UUID(`00000000-0000-4000-8000-${String(index).padStart(12, "0")}`),
    new Timestamp({ t: index, i: 1 }),
    Long.fromNumber(2 ** 53).add(index),
  ];
  return index < singles.length ? singles[index] : many[index % many.length];
}

const exactly = (raw: Uint8Array): Document => BSON.deserialize(raw, { promoteValues: false, bsonRegExp: true });
const upper = (text: unknown) => String(text).toUpperCase();
const homeOf = (kind: unknown) => (kind === "former" ? "old" : "current");
const fateless = ({ kind }: Document) => (kind === "broken" ? "failed" : kind === "test" ? "skipped" : undefined);

/** Whatever the user's functions do with those that are not to be migrated. */
function refuse({ kind }: Document) {
  if (kind === "broken") throw new Error("the client is broken");
  return kind === "test" ? skip("a test client") : undefined;
}

const TARGET = into(Mongo, { collections: ["current", "old"] });

const copyByTransform: Partial<Options> = {
  transform: (client: Document, { startedAt }) => {
    const refused = refuse(client);
    if (refused) return refused;
    const moved = put(homeOf(client.kind), { ...client, name: upper(client.name), migratedAt: startedAt });
    return client.hasCopy ? [moved, put("old", { _id: `copy of ${client.number}`, of: client._id })] : moved;
  },
};
const copiedByTransform: MigrationCase["fate"] = (raw, { startedAt }) => {
  const client = BSON.deserialize(raw);
  const moved = { into: homeOf(client.kind), bytes: BSON.serialize({ ...client, name: upper(client.name), migratedAt: startedAt }) };
  const copy = { into: "old", bytes: BSON.serialize({ _id: `copy of ${client.number}`, of: client._id }) };
  return fateless(client) ?? (client.hasCopy ? [moved, copy] : [moved]);
};

const copyByEdit: Partial<Options> = {
  edit: {
    reads: ["kind", "name"],
    apply: (client: Document, { startedAt }) =>
      refuse(client) ?? { into: homeOf(client.kind), set: { name: upper(client.name), migratedAt: startedAt }, unset: ["weight"] },
  },
};
const copiedByEdit: MigrationCase["fate"] = (raw, { startedAt }) => {
  const { weight: _, ...client } = exactly(raw);
  const bytes = BSON.serialize({ ...client, name: upper(client.name), migratedAt: startedAt });
  return fateless(client) ?? [{ into: homeOf(client.kind), bytes }];
};

/** A filter that matches no document any more once it is changed. */
const UNCHANGED = { kind: { $in: ["current", "broken", "test"] } };
const isUnread = ({ kind }: Document) => kind === "former";

const changeByTransform: Partial<Options> = {
  transform: (client: Document) => {
    const { name, ...rest } = client;
    return refuse(client) ?? { ...rest, kind: "changed", title: upper(name) };
  },
};
const changeByEdit: Partial<Options> = {
  edit: {
    reads: ["kind", "name"],
    apply: (client: Document) => refuse(client) ?? { set: { kind: "changed", title: upper(client.name) }, unset: ["name"] },
  },
};
const changeByPipeline: Partial<Options> = {
  pipeline: [{ $set: { kind: "changed", title: { $toUpper: "$name" } } }, { $unset: "name" }],
};
/** An update puts new fields in the order of their names, a pipeline in its own. */
function changed(raw: Uint8Array, { number }: Run, by: "update" | "pipeline"): Fate {
  const client = exactly(raw);
  const { name, ...rest } = client;
  const mark = { _millrace: { [NAME]: { version: VERSION, run: number } } };
  const title = { title: upper(name) };
  const bytes = BSON.serialize({ ...rest, kind: "changed", ...(by === "update" ? { ...mark, ...title } : { ...title, ...mark }) });
  if (isUnread(client)) return "unread";
  return (by === "update" ? fateless(client) : undefined) ?? [{ into: SOURCE, bytes }];
}

function copy(lane: Partial<Options>, fate: MigrationCase["fate"], more: Partial<Options> = {}): MigrationCase {
  const options = { name: NAME, version: VERSION, source: from(Mongo, SOURCE), target: TARGET, ...lane, ...more } as Options;
  const isInServer = lane.route !== undefined || lane.pipeline !== undefined;
  const isTransaction = options.effect === "transaction";
  return { migration: dataMigration(options), collections: ["current", "old"], isInPlace: false, isInServer, isTransaction, fate };
}

function change(lane: Partial<Options>, by: "update" | "pipeline", more: Partial<Options> = {}): MigrationCase {
  const options = { name: NAME, version: VERSION, source: from(Mongo, SOURCE, { filter: UNCHANGED }), ...lane, ...more } as Options;
  const isInServer = lane.pipeline !== undefined;
  const isTransaction = options.effect === "transaction";
  const fate: MigrationCase["fate"] = (raw, run) => changed(raw, run, by);
  return { migration: dataMigration(options), collections: [SOURCE], isInPlace: true, isInServer, isTransaction, fate };
}

const IN_TRANSACTIONS: Partial<Options> = { effect: "transaction" };

/** Every allowed lane and effect. */
export const CASES: Readonly<Record<string, MigrationCase>> = {
  "transform, replace": copy(copyByTransform, copiedByTransform),
  "edit, replace": copy(copyByEdit, copiedByEdit),
  "route, replace": copy({ route: { current: { kind: "current" }, old: { kind: "former" } } }, (raw) => {
    const { kind } = exactly(raw);
    return kind === "current" || kind === "former" ? [{ into: homeOf(kind), bytes: raw }] : "skipped";
  }),
  "pipeline, replace": copy(
    { pipeline: [{ $match: { kind: { $in: ["current", "former"] } } }, { $set: { name: { $toUpper: "$name" }, isCopy: true } }] },
    (raw) => {
      const client = exactly(raw);
      const bytes = BSON.serialize({ ...client, name: upper(client.name), isCopy: true });
      return fateless(client) ? "skipped" : [{ into: "current", bytes }];
    },
    { target: into(Mongo, { collections: ["current"] }) },
  ),
  "transform, marker": change(changeByTransform, "update"),
  "edit, marker": change(changeByEdit, "update"),
  "pipeline, marker": change(changeByPipeline, "pipeline"),
  "transform, transaction": copy(copyByTransform, copiedByTransform, IN_TRANSACTIONS),
  "edit, transaction": copy(copyByEdit, copiedByEdit, IN_TRANSACTIONS),
  "transform in place, transaction": change(changeByTransform, "update", IN_TRANSACTIONS),
  "edit in place, transaction": change(changeByEdit, "update", IN_TRANSACTIONS),
};
