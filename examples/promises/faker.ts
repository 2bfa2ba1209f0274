/** `faker.js --clients 200000 > data.js`: prints clients as a file that `--data` reads. */
import { setImmediate as breath } from "node:timers/promises";
import { component, config, key, run, schema, system } from "millrace";
import { madeClients } from "./made-clients.js";

const settings = schema({
  clients: { doc: "how many clients", format: "positive", default: 20_000 },
  seed: { doc: "the same seed prints the same clients", format: "nat", default: 1 },
});

const Text = key<Iterable<string>>()("faker");
const text = component(Text, { needs: { settings: config(settings) }, start: ({ settings: { clients, seed } }) => pieces(clients, seed) });

const PIECE_LENGTH = 64 * 1_024;

/** A client a line, many lines at a time, made while they are asked for. */
function* pieces(count: number, seed: number): Generator<string> {
  let piece = "exports.clients = [";
  let before = "\n";
  for (const client of madeClients(count, seed)) {
    piece += before + JSON.stringify(client);
    before = ",\n";
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}\n];\n`;
}

/** Resolves when the piece has been taken: true, or false where nobody reads any more. */
function written(piece: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => {
      const { code } = (error ?? {}) as NodeJS.ErrnoException;
      if (error && code !== "EPIPE" && code !== "ERR_STREAM_DESTROYED") reject(error);
      else resolve(!error);
    });
  });
}

await run(system(text), {
  name: "faker",
  doc: "prints made-up clients, as `exports.clients = [...]`",
  command: "node dist/examples/promises/faker.js",
  options: {
    clients: { value: "N", doc: "how many (20,000)", setting: "faker/clients" },
    seed: { value: "N", doc: "the same seed prints the same clients (1)", setting: "faker/seed" },
  },
  main: async (running, _, { signal }) => {
    for (const piece of running.get(Text)) {
      if (!(await written(piece))) return;
      // A file takes everything at once: without a pause nobody would hear Ctrl-C.
      await breath(undefined, { signal });
    }
  },
});
