/** A client: what the split looks at, and whatever else there is of it. */

export interface Client {
  readonly stillClient: boolean;
  readonly [field: string]: unknown;
}

/** As it stands in both collections. */
export interface StoredClient extends Client {
  readonly _id: string | number;
}

/** What keeps a value from being a client, with what was expected; undefined where it is one. */
export function problemOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `expected a client in braces, got ${shown(value)}`;
  const { stillClient, _id } = value as Record<string, unknown>;
  if (stillClient === undefined) return `expected "stillClient": true or false, got none`;
  if (typeof stillClient !== "boolean") return `expected "stillClient": true or false, got ${shown(stillClient)}`;
  if (_id !== undefined && typeof _id !== "string" && typeof _id !== "number")
    return `expected "_id" to be a text, a number or absent, got ${shown(_id)}`;
  return undefined;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
