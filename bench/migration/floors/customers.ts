/** Made-up customers of about 1 KB in an old schema, always the same, and the change that every floor makes to them. */
import type { Document } from "mongodb";

export interface OldCustomer extends Document {
  readonly _id: number;
  readonly name: string;
  readonly stillClient: boolean;
}

const CITIES = ["Aarhus", "Bergen", "Cádiz", "Delft", "Évora", "Fürth", "Gdańsk", "Høje-Taastrup"];
const NOTE = "Asked for a quote on rye flour, two tons, to be delivered before the end of the month; was told that we come back to it. ";

/** The customer of a number; two of three are clients still. */
export function customer(number: number): OldCustomer {
  const city = CITIES[number % CITIES.length];
  const address = {
    street: `${number % 200} Mill Lane`,
    city,
    postcode: String(10_000 + (number % 89_999)),
    country: "NO",
    floor: number % 9,
  };
  return {
    _id: number,
    name: `Customer ${number} of ${city}`,
    email: `customer.${number}@mail.example`,
    stillClient: number % 3 !== 0,
    createdAt: new Date(1_500_000_000_000 + number * 1_000),
    visits: number % 500,
    balance: number / 7,
    language: "no",
    phone: `+47 ${10_000_000 + number}`,
    address,
    invoiceAddress: { ...address, floor: null },
    tags: ["flour", "rye", city],
    orders: [0, 1, 2].map((order) => ({
      order: number + order,
      sum: order * 12.5,
      at: new Date(1_600_000_000_000 + order),
      isPaid: order < 2,
    })),
    note: NOTE.repeat(2),
    score: 0.5,
  };
}

/** Where a customer goes. */
export type Target = "current" | "old";

export function targetOf({ stillClient }: { readonly stillClient: boolean }): Target {
  return stillClient ? "current" : "old";
}

/** The customer in the new schema: `name` has become `fullName`, in capitals. */
export function changed({ name, ...rest }: OldCustomer): Document {
  return { ...rest, fullName: name.toUpperCase() };
}

/** The same change, done by the server. */
export const CHANGE: Document[] = [{ $set: { fullName: { $toUpper: "$name" } } }, { $unset: "name" }];
