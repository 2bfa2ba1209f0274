/** A customer, before and after: one line of address becomes its parts, one name becomes two. */
import type { ObjectId } from "mongodb";

/** As the old program wrote it. */
export interface OldCustomer {
  readonly _id: ObjectId;
  readonly name: string;
  /** `12 Mill Lane, 90210 Springfield` */
  readonly address: string;
  readonly phone: string;
}

/** Which run made a customer new; kept in the customer, so that a second run knows. */
export interface Migrated {
  readonly run: string;
  readonly at: Date;
}

/** As the new program wants it. */
export interface NewCustomer {
  readonly _id: ObjectId;
  readonly firstName: string;
  readonly lastName: string;
  readonly address: { readonly street: string; readonly postcode: string; readonly city: string };
  readonly phones: readonly string[];
  readonly migrated: Migrated;
}

/**
 * The new form of an old customer.
 *
 * @throws {TypeError} when a field is not what the old program should have written
 */
export function renewed({ _id, name, address, phone }: OldCustomer, migrated: Migrated): NewCustomer {
  const [firstName, ...rest] = text("name", name).split(" ");
  const parts = /^(?<street>.+), (?<postcode>\S+) (?<city>.+)$/.exec(text("address", address))?.groups;
  if (!firstName || rest.length === 0) throw new TypeError("name has no last name");
  if (!parts) throw new TypeError("address is not street, postcode and city");
  const { street = "", postcode = "", city = "" } = parts;
  return { _id, firstName, lastName: rest.join(" "), address: { street, postcode, city }, phones: [text("phone", phone)], migrated };
}

function text(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(`${field} is not a string`);
}
