/** A customer, as a line of the old shop's export says it, and as the stores hold it. */

/** As it stands in Redis, as JSON. */
export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  /** `2019-03-24` */
  readonly since: string;
}

/** Which line a customer in MongoDB is from, and which run put it there: a later one knows by it what is done. */
export interface Imported {
  readonly run: string;
  readonly at: Date;
  readonly line: number;
  /** of the line's text */
  readonly digest: string;
}

/** As it stands in MongoDB. */
export interface StoredCustomer {
  readonly _id: string;
  readonly name: string;
  readonly email: string;
  readonly since: Date;
  /** absent where somebody else put it there */
  readonly imported?: Imported;
}

/**
 * The customer of a line: `{"id": "c-1", "name": "Ada", "email": "ada@example.org", "since": "2019-03-24"}`.
 *
 * @throws {SyntaxError} when the line is not JSON
 * @throws {TypeError} that names the field which is not as it should be
 */
export function customerOf(line: string): Customer {
  const { id, name, email, since } = (JSON.parse(line) ?? {}) as Readonly<Record<string, unknown>>;
  const customer = { id: text("id", id), name: text("name", name), email: text("email", email), since: text("since", since) };
  if (!customer.email.includes("@")) throw new TypeError(`email "${customer.email}" has no @`);
  if (!isDay(customer.since)) throw new TypeError(`since "${customer.since}" is no day`);
  return customer;
}

export function stored({ id, since, ...rest }: Customer, imported: Imported): StoredCustomer {
  return { _id: id, ...rest, since: new Date(since), imported };
}

function text(field: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(value === undefined ? `${field} is missing` : `${field} is ${JSON.stringify(value)}, no text`);
}

/** Of 30 February a date would make 1 March. */
function isDay(value: string): boolean {
  const day = new Date(value);
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === value;
}
