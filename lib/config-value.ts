/** Reads the value of one setting, strictly: from a text, or with the type it has in a file. */
import { ArgumentError } from "./errors.js";
import type { Field, Format } from "./key.js";

/** What a value was read as, or what it should have been. */
export type Reading = { readonly value: unknown } | { readonly expected: string };

/** One format: its name for people, the values it takes, and the only texts it is written as (`undefined` for any other). */
interface Kind {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  readonly parse: (text: string) => unknown;
}

const asIs = (text: string): unknown => text;
const isText = (value: unknown): value is string => typeof value === "string";

const KINDS = new Map<unknown, Kind>([
  ["nat", whole("a whole number from 0 up", 0)],
  ["positive", whole("a whole number from 1 up", 1)],
  ["int", whole("a whole number", Number.MIN_SAFE_INTEGER)],
  ["port", whole("a port from 0 to 65535", 0, 65_535)],
  ["duration", { ...whole("a duration: whole milliseconds, or such as 500 ms, 15 s, 2 m, 1 h", 0), parse: parseDuration }],
  ["url", { expected: "a URL such as https://host/path", accepts: isUrl, parse: asIs }],
  [String, { expected: "a text, in quotes", accepts: isText, parse: asIs }],
  [Number, { expected: "a number", accepts: Number.isFinite, parse: parseNumber }],
  [
    Boolean,
    {
      expected: "true or false",
      accepts: (value) => typeof value === "boolean",
      parse: (text) => (text === "true" ? true : text === "false" ? false : undefined),
    },
  ],
]);

/**
 * Reads what was given for a field.
 *
 * A text (an argument, an environment variable) must be the one way to write its value: `5`, not `05`, `5.0` or ` 5`.
 * A value of a file has its type already, and must have the right one: `5`, not `"5"`; a duration may be text with a unit.
 * `null` is taken where it is the default; no text stands for it. What the format takes, the field's own check may still refuse.
 */
export function readValue(field: Field, given: unknown, fromText: boolean): Reading {
  if (given === null && field.default === null) return { value: null };
  const kind = kindOf(field.format);
  const parsed = isText(given) ? kind.parse(given) : given;
  const hasUnit = field.format === "duration" && isText(given) && /[a-z]$/.test(given);
  const value = fromText || hasUnit ? parsed : given;
  if (!kind.accepts(value)) return { expected: kind.accepts(parsed) ? `${kind.expected}, without quotes` : kind.expected };
  const expected = field.check?.(value as never);
  return expected === undefined ? { value } : { expected };
}

function kindOf(format: Format): Kind {
  const kind = Array.isArray(format) ? oneOf(format) : KINDS.get(format);
  if (!kind) throw new ArgumentError("format", "a format of a settings schema", format);
  return kind;
}

function oneOf(texts: readonly unknown[]): Kind {
  const quoted = texts.map((text) => JSON.stringify(text));
  const expected = quoted.length > 1 ? `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}` : quoted.join();
  return { expected, accepts: (value) => texts.includes(value), parse: asIs };
}

function whole(expected: string, least: number, most = Number.MAX_SAFE_INTEGER): Kind {
  return {
    expected,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    parse: (text) => (/^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : undefined),
  };
}

function parseNumber(text: string): number | undefined {
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function parseDuration(text: string): number | undefined {
  const match = /^(0|[1-9]\d*)(?: ?(ms|s|m|h))?$/.exec(text);
  return match ? Number(match[1]) * (UNIT_MS[match[2] ?? "ms"] ?? Number.NaN) : undefined;
}

/** Connection URIs may name several hosts, which a URL cannot: the first one is looked at. */
function isUrl(value: unknown): boolean {
  return isText(value) && URL.canParse(value.replace(/^([^/?#]*:\/\/(?:[^/?#]*@)?[^/?#,]*),[^/?#]*/, "$1"));
}
