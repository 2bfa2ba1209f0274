/** What happens to the customers, for whoever wants to watch: written here, arrived there. */
import { component, key } from "millrace";
import { type Customer } from "./customer.js";
import { Customers } from "./customers.js";
import type { Store } from "./stores.js";

/** A change, where it was made and where it has arrived. */
export interface Change {
  readonly type: "written" | "arrived";
  readonly store: Store;
  readonly uid: string;
  /** absent: deleted */
  readonly customer?: Customer | undefined;
  /** how long it took from the one store to the other, where that is known */
  readonly lagMs?: number | undefined;
}

type Listener = (change: Change) => void;

export interface Activity {
  /** Tells of a change that was made by this program. */
  written(store: Store, uid: string, customer?: Customer): void;
  /** Calls it with each change from now on; what is returned ends that. */
  watch(listener: Listener): () => void;
}

export const Activity = key<Activity>()("activity");

export const activity = component(Activity, {
  needs: { customers: Customers },
  start: ({ customers }): Activity & { readonly end: () => void } => {
    const listeners = new Set<Listener>();
    const tell = (change: Change) => {
      for (const listener of listeners) listener(change);
    };
    const end = customers.watch((event) => {
      if (event.type !== "arrived") return;
      const { store, id: uid, text, lagMs } = event;
      tell({ type: "arrived", store, uid, customer: text === undefined ? undefined : shown(text), lagMs });
    });
    return {
      written: (store, uid, customer) => tell({ type: "written", store, uid, customer }),
      watch: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      end,
    };
  },
  stop: (watched) => (watched as Activity & { readonly end: () => void }).end(),
});

/** Whoever writes past this program may leave a field out. */
function shown(text: string): Customer {
  const { name = "", address = "" } = JSON.parse(text) as Partial<Record<keyof Customer, unknown>>;
  return { name: String(name), address: String(address) };
}
