/** The routes of one version of the interface: /v1 on MongoDB, /v2 on Redis. */
import { component, key, type Part } from "millrace";
import { Routes, type Plugin } from "millrace/http";
import type { CollectionSync, Stored } from "millrace/sync";
import { Activity } from "./activity.js";
import { answered, StoreDownError } from "./answered.js";
import { customerOf, newUid, type Customer } from "./customer.js";
import { descriptions } from "./customer-schemas.js";
import { Customers } from "./customers.js";
import { Stores, type Store } from "./stores.js";

type Params = { Params: { uid: string } };
type Body = { Body: Customer };

/** A write is on its way, and cannot be called back. */
const UNSURE = "; the change may still be made";

/** @param name of the component; the version, and of which store it is, are in what it serves */
export function customerRoutes<N extends string>(name: N, version: "v1" | "v2", store: Store): Part<N, Plugin, never> {
  return component(key<Plugin>()(name), {
    in: [Routes],
    needs: { customers: Customers, stores: Stores, activity: Activity },
    start: (needs): Plugin => routes(version, store, needs),
  }) as Part<N, Plugin, never>;
}

interface Needs {
  readonly customers: CollectionSync<Customer>;
  readonly stores: Stores;
  readonly activity: Activity;
}

function routes(version: string, store: Store, { customers, stores, activity }: Needs): Plugin {
  const { list, get, write, delete: remove } = customers[store];
  const find = async (uid: string): Promise<Customer> => {
    const found = await answered(stores, store, () => get(uid));
    return found ?? Promise.reject(Object.assign(new Error(`There is no customer "${uid}"`), { statusCode: 404 }));
  };
  const save = async (uid: string, customer: Customer) => {
    await answered(stores, store, () => write(uid, customer), UNSURE);
    activity.written(store, uid, customer);
  };
  const schemas = descriptions(version, store);
  return (app) => {
    // The framework's own check would make a text of a number, and drop a field that is misspelt.
    app.setValidatorCompiler(
      ({ httpPart }) =>
        (given: unknown) =>
          httpPart === "body" ? checked(given) : { value: given },
    );
    app.setErrorHandler((error, _request, reply) => {
      if (!(error instanceof StoreDownError)) throw error;
      return reply.code(503).header("retry-after", "1").send({ statusCode: 503, error: "Service Unavailable", message: error.message });
    });

    app.get(`/${version}/customers`, { schema: schemas.list }, async () => {
      const all = await answered(stores, store, () => gathered(list()));
      return { customers: all.sort((a, b) => (a.uid < b.uid ? -1 : 1)) };
    });
    app.post<Body>(`/${version}/customer`, { schema: schemas.add }, async ({ body }, reply) => {
      const uid = newUid();
      await save(uid, body);
      return reply.code(201).send({ uid, ...body, message: "Customer added successfully" });
    });
    app.get<Params>(`/${version}/customer/:uid`, { schema: schemas.get }, async ({ params: { uid } }) => {
      const { name, address } = await find(uid);
      return { uid, name, address };
    });
    app.put<Params & Body>(`/${version}/customer/:uid`, { schema: schemas.update }, async ({ params: { uid }, body }) => {
      await find(uid);
      await save(uid, body);
      return { uid, ...body, message: "Customer updated successfully" };
    });
    app.delete<Params>(`/${version}/customer/:uid`, { schema: schemas.remove }, async ({ params: { uid } }) => {
      await find(uid);
      await answered(stores, store, () => remove(uid), UNSURE);
      activity.written(store, uid);
      return { uid, message: "Customer deleted successfully" };
    });
  };
}

async function gathered(found: AsyncIterable<Stored<Customer>>) {
  const all: (Customer & { readonly uid: string })[] = [];
  for await (const { id: uid, value } of found) all.push({ uid, name: value.name, address: value.address });
  return all;
}

function checked(body: unknown): { value: Customer } | { error: Error } {
  try {
    return { value: customerOf(body) };
  } catch (error) {
    return { error: error as Error };
  }
}
