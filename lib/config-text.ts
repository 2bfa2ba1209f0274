/** Settings as people read them, in messages, tables and help; no secret is ever shown. */
import type { Format, Schema } from "./key.js";
import type { Configuration } from "./lifecycle.js";
import { printable } from "./wording.js";

/** What stands in the place of a secret. */
export const HIDDEN = "••••";

/** What something is called that is not to be shown, though nobody marked it. */
export const SECRET_NAME = /passw|secret|token|credential|authorization|api-?_?key/i;

/** The value as it may be shown: a secret is hidden whole, of a URI its user and password. */
export function mask(value: unknown, isSecret: boolean): unknown {
  if (isSecret && value !== null) return HIDDEN;
  return typeof value === "string" ? maskCredentials(value) : value;
}

/** A word of a command line as it may be shown: the value of a secret setting, and a URI's user and password, are hidden. */
export function withoutSecret(word: string, needs: readonly { readonly section: string; readonly schema: Schema }[]): string {
  const [setting = "", value] = word.split("=", 2);
  const isSecret = needs.some(({ section, schema }) =>
    Object.entries(schema).some(
      ([name, field]) => field.sensitive && [name, kebabCase(name)].some((one) => setting === `${section}/${one}`),
    ),
  );
  return isSecret && value !== undefined ? `${setting}=${HIDDEN}` : maskCredentials(word);
}

/** All between `://` and the last `@`, since a password that is not percent-encoded may hold any character; and options that are secret. */
export function maskCredentials(text: string): string {
  return text
    .replace(/:\/\/[^]*@/, `://${HIDDEN}@`)
    .replace(/([?&][^=&]+=)[^&]+/g, (option, name) => (SECRET_NAME.test(option) ? `${name}${HIDDEN}` : option));
}

/** A name or a text in double quotes, on one line, of at most 60 characters. */
export function quote(text: string): string {
  const masked = maskCredentials(text);
  return JSON.stringify(masked.length > 60 ? `${masked.slice(0, 59)}…` : masked);
}

/** A value as it stands in a message: scalars as they are written, lists and groups by their brackets; a URI may lack its scheme. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value.replace(/^[^\s/:]+:(?!\/\/)[^]*@/, `${HIDDEN}@`));
  if (Array.isArray(value)) return "[…]";
  return typeof value === "object" && value !== null ? "{…}" : String(value);
}

/** `fetchSize` as it stands in files and arguments: `fetch-size`. */
export function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

/**
 * Every setting in force: name, value and where it comes from, one a line, aligned, below a line that names the environment.
 *
 * @param needs what says how a number is written: a duration with its unit, a port without a comma; default as it is
 */
export function formatConfiguration(
  { env, settings }: Configuration,
  needs: readonly { readonly section: string; readonly schema: Schema }[] = [],
): string {
  const formats = new Map<string, Format>(
    needs.flatMap(({ section, schema }) =>
      Object.entries(schema).map(([name, { format }]) => [`${section}/${kebabCase(name)}`, format] as const),
    ),
  );
  const rows = settings.map(({ section, name, value, source }) => {
    const fullName = `${section}/${name}`;
    return [fullName, inWords(value, formats.get(fullName)), source];
  });
  return [`Settings in force (environment ${env})`, ...align(rows)].join("\n");
}

/**
 * Every setting that there is: name, doc, the value in force and its environment variable, one a line, aligned; for `--help`.
 *
 * @param configuration a setting that is not in it stands with its default
 */
export function settingsHelp(
  needs: readonly { readonly section: string; readonly schema: Schema }[],
  configuration?: Configuration,
): string {
  const inForce = new Map(configuration?.settings.map(({ section, name, value }) => [`${section}/${name}`, value]));
  const docs = new Map<string, string>();
  for (const { section, schema } of needs) {
    for (const [name, field] of Object.entries(schema)) {
      const fullName = `${section}/${kebabCase(name)}`;
      const value = inForce.has(fullName) ? inForce.get(fullName) : mask(field.default, field.sensitive ?? false);
      if (!docs.has(fullName)) docs.set(fullName, `${field.doc} (${inWords(value, field.format)}${field.env ? `; or ${field.env}` : ""})`);
    }
  }
  return align([...docs]).join("\n");
}

function inWords(value: unknown, format: Format | undefined): string {
  if (value === null) return NONE;
  if (typeof value !== "number") return plainOrQuoted(value);
  if (format === "duration") return value % 1_000 === 0 ? `${grouped(value / 1_000)} s` : `${grouped(value)} ms`;
  return format === undefined || format === "port" ? String(value) : grouped(value);
}

const NONE = "none";

function grouped(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 20 });
}

/** Quoted only where it could not be told from its surroundings, or would break the line. */
function plainOrQuoted(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return value === NONE || !/^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u.test(value) ? JSON.stringify(value) : value;
}

/** A cell of more than 40 characters does not push the cells of other lines. */
function align(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(printable));
  const widthOf = (column: number) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0).filter((width) => width <= 40));
  const widths = [widthOf(0), widthOf(1)];
  return rows.map(
    (row) => `  ${row.map((cell, column) => (column < row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell)).join("  ")}`,
  );
}
