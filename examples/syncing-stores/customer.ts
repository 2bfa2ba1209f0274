/** A customer, as a request brings it and as an answer names it. */
import { randomBytes } from "node:crypto";
import { describe, didYouMean } from "millrace";

/** What is stored; MongoDB has the uid beside it, Redis in the key. */
export interface Customer {
  readonly name: string;
  readonly address: string;
}

const FIELDS = ["name", "address"] as const;

/**
 * The customer in the body of a request.
 *
 * @throws {TypeError} which says what is wrong: a field that is missing, empty, no text, or one that there is not
 */
export function customerOf(body: unknown): Customer {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new TypeError('the body is no customer: send JSON like {"name":"Ada","address":"12 Mill Lane"}');
  }
  const given: Readonly<Record<string, unknown>> = { ...body };
  const unknown = Object.keys(given).find((name) => !FIELDS.includes(name as keyof Customer));
  if (unknown !== undefined) throw new TypeError(`there is no field "${unknown}"${didYouMean(unknown, FIELDS)}`);
  return { name: text("name", given["name"]), address: text("address", given["address"]) };
}

function text(field: string, value: unknown): string {
  if (value === undefined) throw new TypeError(`${field} is missing`);
  if (typeof value !== "string") throw new TypeError(`${field} is ${describe(value)}, expected a text`);
  if (value.trim() === "") throw new TypeError(`${field} is empty`);
  return value;
}

/** A new uid: a UUID of version 7, so that their order is the one in which customers were made. */
export function newUid(now = Date.now()): string {
  const random = randomBytes(10).toString("hex");
  const time = now.toString(16).padStart(12, "0");
  const variant = ((Number.parseInt(random.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}
