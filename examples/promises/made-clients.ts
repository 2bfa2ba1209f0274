/** Makes clients up: the same ones for the same seed. */
import { Faker, base, en } from "@faker-js/faker";
import type { Client } from "./client.js";

/** How many of the clients still are. */
const STILL = 0.7;

/** Made one at a time, so that any number of them takes no memory. */
export function* madeClients(count: number, seed: number): Generator<Client> {
  const faker = new Faker({ locale: [en, base], seed });
  for (let made = 0; made < count; made++) {
    yield {
      name: `${faker.person.firstName()} ${faker.person.lastName()}`,
      address: `${faker.location.streetAddress()}, ${faker.location.zipCode("#####")} ${faker.location.city()}`,
      phone: faker.helpers.replaceSymbols("+1 ### ### ####"),
      company: faker.company.name(),
      stillClient: faker.datatype.boolean(STILL),
    };
  }
}
