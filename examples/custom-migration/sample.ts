/** Makes a sample of what an old shop might export, a few lines of it broken. */
import { open, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Faker, base, en } from "@faker-js/faker";
import { makeFolder, plural } from "millrace";
import type { StatusBoard } from "millrace/components";
import type { Customer } from "./customer.js";

/** What is wrong with which line; the first of the two with one address is not. */
const BROKEN: Readonly<Record<number, (customer: Customer) => string>> = {
  78: (customer) => JSON.stringify(customer).slice(0, 40),
  1_313: (customer) => JSON.stringify({ ...customer, email: undefined }),
  2_024: (customer) => JSON.stringify({ ...customer, email: "twice@example.org" }),
  2_640: (customer) => JSON.stringify({ ...customer, email: "twice@example.org" }),
  3_471: (customer) => JSON.stringify({ ...customer, id: "c-12" }),
  4_001: (customer) => JSON.stringify({ ...customer, since: "2023-02-30" }),
};
const AT_A_TIME = 1_000;

/** Does nothing where the file is there. It is made beside and put in place in one step: seen is all of it, or nothing. */
export async function makeSample(path: string, count: number, board: StatusBoard, signal: AbortSignal): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  const job = board.job({ prefix: "customer-file" });
  await makeFolder(dirname(path));
  const faker = new Faker({ locale: [en, base], seed: 1 });
  const file = await open(`${path}.making`, "w");
  try {
    for (let from = 1; from <= count; from += AT_A_TIME) {
      signal.throwIfAborted();
      const lines = Array.from({ length: Math.min(AT_A_TIME, count - from + 1) }, (_, index) => lineOf(from + index, faker));
      await file.appendFile(`${lines.join("\n")}\n`);
      job.update({ summary: "Making a sample", progress: { value: from - 1 + lines.length, total: count } });
    }
  } finally {
    await file.close();
  }
  await rename(`${path}.making`, path);
  job.done({ summary: `Made a sample of ${plural(count, "line")}: ${path}`, status: "success", progress: undefined });
}

function lineOf(number: number, faker: Faker): string {
  const [first, last] = [faker.person.firstName(), faker.person.lastName()];
  const email = `${first}.${last}.${number}@example.org`.toLowerCase().replaceAll(/[^a-z0-9.@]/g, "");
  const since = faker.date.between({ from: "2009-01-01", to: "2024-12-31" }).toISOString().slice(0, 10);
  const customer = { id: `c-${number}`, name: `${first} ${last}`, email, since };
  return BROKEN[number]?.(customer) ?? JSON.stringify(customer);
}
