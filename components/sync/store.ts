/** One store of a collection as an application sees it: reads, and writes that carry a version. */
import type { Codec } from "./codec.js";
import type { Version } from "./version.js";

/** A record as it is read. */
export interface Stored<T> {
  readonly id: string;
  readonly value: T;
}

/** What a write was given. */
export interface Written {
  readonly id: string;
  /** the later one of two versions counts, in both stores */
  readonly v: Version;
}

/** Reads and writes one of the two stores; the other one follows. */
export interface SyncedStore<T> {
  /** undefined where there is none */
  get(id: string): Promise<T | undefined>;
  /** All records that can be read, in no order; the others are dead letters. */
  list(): AsyncIterable<Stored<T>>;
  /** Stores the whole value under the id; acknowledged (in MongoDB by the majority) when it resolves. */
  write(id: string, value: T): Promise<Written>;
  /** Also where there is none: a later write of the other store, made before, does not bring it back. */
  delete(id: string): Promise<Written>;
}

/** What a store has to do for it. */
interface StoreSide {
  texts(ids: readonly string[]): Promise<readonly (string | undefined)[]>;
  ids(): AsyncIterable<readonly string[]>;
  write(id: string, text: string | undefined): Promise<{ readonly v: Version }>;
}

/** @throws from get what the codec says, where what is stored cannot be read */
export function syncedStore<T extends object>(side: StoreSide, codec: Codec): SyncedStore<T> {
  const decode = (text: string) => codec.decode(text) as T;
  return {
    get: async (id) => {
      const [text] = await side.texts([id]);
      return text === undefined ? undefined : decode(text);
    },
    list: async function* () {
      for await (const ids of side.ids()) {
        const texts = await side.texts(ids);
        for (const [index, id] of ids.entries()) {
          const value = readable(texts[index], decode);
          if (value !== undefined) yield { id, value };
        }
      }
    },
    write: async (id, value) => ({ id, v: (await side.write(id, codec.encode(value))).v }),
    delete: async (id) => ({ id, v: (await side.write(id, undefined)).v }),
  };
}

function readable<T>(text: string | undefined, decode: (text: string) => T): T | undefined {
  try {
    return text === undefined ? undefined : decode(text);
  } catch {
    return undefined;
  }
}
