/** One thread that converts chunks: loads the module, says that it is ready, answers. */
import { parentPort, workerData } from "node:worker_threads";
import { StateError } from "../../lib/index.js";
import { oneByOne, type ConvertChunk } from "./convert-chunk.js";
import { answerOf, unpack, type Question } from "./convert-message.js";
import type { ThreadData } from "./convert-threads.js";
import { definedWhile } from "./data-migration.js";

const { module, name } = workerData as ThreadData;
const migrations = await definedWhile(() => import(module));
const found = migrations.get(name);
if (!found)
  throw new StateError(`it defines no migration "${name}"${migrations.size > 0 ? `; there are ${[...migrations.keys()].join(", ")}` : ""}`);

parentPort?.on("message", (question: Question) => {
  void answer(question);
});
parentPort?.postMessage("ready");

/** Made once a run: it learns the names of fields. */
let made: { readonly run: string; readonly convert: ConvertChunk } | undefined;

async function answer({ id, context, ...packed }: Question): Promise<void> {
  const { run } = context;
  if (made?.run !== run) made = { run, convert: oneByOne(found?.convert(context) ?? (() => [])) };
  const given = answerOf(id, await made.convert(unpack(packed)), found?.collections ?? []);
  parentPort?.postMessage(given, [given.bytes.buffer, given.ends.buffer, given.sources.buffer, given.into.buffer]);
}
