/** avvio: a plugin for each component, loaded in the order given, closed by `onClose`; it knows no graph of needs. */
import type { Declare } from "../contender.js";
import { peer } from "../peer.js";

interface Application {
  readonly values: Map<string, object>;
  use(plugin: (instance: Application) => Promise<void>): void;
  onClose(close: () => Promise<void>): void;
  ready(): Promise<void>;
  close(): Promise<void>;
}

const avvio = peer<(server: object, options: { readonly autostart: boolean }) => { start(): void }>("avvio");

export const declare: Declare = (graph) => {
  const server = { values: new Map() } as unknown as Application;
  const boot = avvio(server, { autostart: false });
  for (const { name, start, stop } of graph) {
    server.use(async (instance) => {
      instance.values.set(name, await start());
      instance.onClose(stop);
    });
  }
  return async () => {
    boot.start();
    await server.ready();
    return () => server.close();
  };
};
