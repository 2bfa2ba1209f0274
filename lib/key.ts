/** Key, Group, opt(), all(), config(): what may stand in a list of needs. */
import { ArgumentError } from "./errors.js";

declare const VALUE: unique symbol;

/** A typed name under which others ask for a component. Two keys of one name are the same key. */
export interface Key<V, N extends string = string> {
  readonly kind: "key";
  readonly name: N;
  readonly [VALUE]?: V;
}

/** A name under which several components provide. */
export interface Group<V> {
  readonly kind: "group";
  readonly name: string;
  readonly [VALUE]?: (member: V) => void;
}

/** A need that may be absent. */
export interface Opt<K> {
  readonly kind: "opt";
  readonly of: K;
}

/** A need for every member of a group. */
export interface All<V> {
  readonly kind: "all";
  readonly of: Group<V>;
}

/** A need for the settings of a section. */
export interface ConfigNeed<V> {
  readonly kind: "config";
  readonly schema: Schema;
  readonly section?: string | undefined;
  readonly [VALUE]?: V;
}

/** A class, as a value; abstract ones too. The parameters and the instance are whatever they are. */
// eslint-disable-next-line typescript/no-explicit-any -- a constructor is contravariant in its parameters: `unknown[]` would accept no class
export type Ctor<V = any> = abstract new (...args: any[]) => V;
/** Any key. */
// eslint-disable-next-line typescript/no-explicit-any -- `Key<unknown>` would not accept every Key under all variance
export type AnyKey = Key<any, any>;
/** What names a component: a key, or the class that is its own key. */
export type Token = AnyKey | Ctor;
/** What may stand in a list of needs. */
// eslint-disable-next-line typescript/no-explicit-any -- see AnyKey
export type Need = Token | Opt<Token> | All<any> | ConfigNeed<any>;

/** The needs of a component as they were given: a list, or by the names under which it knows them. */
export type Wanted = readonly Need[] | Readonly<Record<string, Need>>;

/**
 * How a setting is read: `nat` a whole number from 0 up, `positive` from 1 up, `int`, `port` 0 to 65535, `duration` in
 * milliseconds (also written `500 ms`, `15 s`, `2 m`, `1 h`), `url`, `String`, `Number`, `Boolean`, or a list of the texts allowed.
 */
export type Format =
  "nat" | "positive" | "int" | "port" | "url" | "duration" | StringConstructor | BooleanConstructor | NumberConstructor | readonly string[];

/** One setting. */
export interface Field {
  /** what it sets, a few words, unit included */
  readonly doc: string;
  readonly format: Format;
  /** `null` where there is none; the setting is then typed as `… | null` */
  readonly default: unknown;
  /** the environment variable that sets it */
  readonly env?: string;
  /** a secret: masked wherever it is shown */
  readonly sensitive?: boolean;
  /** Says what was expected where a value of the format is still no good: `a duration above 0`. Not asked about `null`; starts nothing. */
  readonly check?: (value: never) => string | undefined;
}

/** The settings of a section; names are camelCase here and kebab-case in files and arguments. */
export type Schema = Readonly<Record<string, Field>>;

/** What a value of a format is. */
type Formatted<T> = T extends readonly (infer U)[]
  ? U
  : T extends BooleanConstructor
    ? boolean
    : T extends "nat" | "positive" | "int" | "port" | "duration" | NumberConstructor
      ? number
      : string;

type FieldValue<F extends Field> = Formatted<F["format"]> | (F["default"] extends null ? null : never);

/** What a default of a format may be; that of a duration may have a unit. */
type DefaultOf<T> = Formatted<T> | (T extends "duration" ? string : never) | null;

/** What a schema must also be, for the compiler to name a default that is not of its format. */
type Fitting<S extends Schema> = {
  readonly [K in keyof S]: unknown extends S[K]["default"]
    ? unknown
    : S[K]["default"] extends DefaultOf<S[K]["format"]>
      ? unknown
      : { readonly default: { readonly "expected a default of the type": DefaultOf<S[K]["format"]> } };
};

/** The frozen values of a schema. */
export type Settings<S extends Schema> = { readonly [K in keyof S]: FieldValue<S[K]> };

/** What a component receives for a need. */
export type Value<D> =
  D extends ConfigNeed<infer V>
    ? V
    : D extends Opt<infer K>
      ? Value<K> | undefined
      : D extends All<infer V>
        ? readonly V[]
        : D extends Ctor<infer V>
          ? V
          : // eslint-disable-next-line typescript/no-explicit-any -- the name does not matter here
            D extends Key<infer V, any>
            ? V
            : never;

/** What a constructor receives for a list of needs. */
export type Values<D extends readonly Need[]> = { -readonly [I in keyof D]: Value<D[I]> };

/**
 * Makes a typed key: `const Db = key<Database>()("db")`. The name is also the config section and the label on the map.
 *
 * @throws {ArgumentError} when the name is empty
 */
export function key<V>(): <const N extends string>(name: N) => Key<V, N> {
  return (name) => new NamedKey(checkName(name));
}

/** A key. It keeps in mind where it stood in the system that was linked last: to look there takes less than to look for its name. */
export class NamedKey<N extends string> implements Key<never, N> {
  readonly kind = "key";
  #place = 0;

  constructor(readonly name: N) {
    Object.freeze(this);
  }

  static keepPlace(token: AnyKey, place: number): void {
    if (#place in token) token.#place = place;
  }

  /** Where it may stand; whoever asks has to look whether it does. */
  static placeOf(token: AnyKey): number {
    return #place in token ? token.#place : 0;
  }
}

/** Makes a group that several components may provide into; ask for it with `all(group)`. */
export function group<V>(name: string): Group<V> {
  return Object.freeze({ kind: "group", name: checkName(name) });
}

/** A need that is `undefined` where no component provides it; where one does, it starts first and its failure is a failure. */
export function opt<const K extends Token>(of: K): Opt<K> {
  return Object.freeze({ kind: "opt", of });
}

/** A need for every member of a group: a frozen list, in the order in which the system lists them; empty where there is none. */
export function all<V>(of: Group<V>): All<V> {
  return Object.freeze({ kind: "all", of });
}

/** Types a settings schema; see `Field`. A default of another type than its format does not compile, and is a problem for `check()`. */
export function schema<const S extends Schema>(fields: S & Fitting<S>): S {
  return fields;
}

/**
 * A need for settings: the component receives its own section, frozen and typed from the schema.
 *
 * @param options.section the section's name; default the component's name
 */
export function config<const S extends Schema>(fields: S, options: { readonly section?: string } = {}): ConfigNeed<Settings<S>> {
  return Object.freeze({ kind: "config", schema: fields, section: options.section });
}

export function isList(wanted: Wanted): wanted is readonly Need[] {
  return Array.isArray(wanted);
}

/** Visits needs in their order; no list is made of those that have names. */
export function eachNeed(wanted: Wanted, visit: (need: Need) => void): void {
  if (isList(wanted)) for (const need of wanted) visit(need);
  // `Object.hasOwn` takes twice as long in such a loop.
  else for (const local in wanted) if (Object.prototype.hasOwnProperty.call(wanted, local)) visit(wanted[local]!);
}

function checkName<N extends string>(name: N): N {
  if (typeof name !== "string" || name.trim() === "") throw new ArgumentError("name", "a text that is not empty", name);
  return name;
}
