/** Settings: files, values, environment and overrides made into one strict, frozen section per component, with provenance. */
import { require } from "./require.js";
import { readConfigFiles } from "./config-files.js";
import { HIDDEN, kebabCase, mask, maskCredentials, quote, show } from "./config-text.js";
import { readValue } from "./config-value.js";
import { type Problem } from "./errors.js";
import { closest, printable } from "./wording.js";
import type { Field, Schema } from "./key.js";
import type { Configuration, EffectiveSetting } from "./lifecycle.js";

export { environmentsIn } from "./config-files.js";
export { formatConfiguration, settingsHelp, withoutSecret } from "./config-text.js";

/** One setting set by name: `customer-migration/processes=5`. */
export interface Override {
  readonly text: string;
  /** where it was said, for messages: `argument 1` */
  readonly source: string;
}

/** Where settings come from. Each of these counts more than those above it; all of them more than a schema's defaults. */
export interface ConfigSource {
  /** a folder with `default`, `<env>` and `local` files (yaml, yml, json, json5), counting in this order; default: no files */
  readonly dir?: string;
  /** default `localhost`; any other must have a file in `dir` */
  readonly env?: string;
  /** values by section and setting, each of its right type */
  readonly values?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** the variables that `Field.env` names; default `process.env` */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** `component/setting=value`; the last one counts; nothing behind the `=` is the empty text. Default source: `override 1`, … */
  readonly overrides?: readonly (string | Override)[];
}

/** A component's need for the settings of a section. */
export interface SectionNeed {
  readonly component: string;
  readonly section: string;
  readonly schema: Schema;
}

/** The settings found; only to be used where `problems` is empty. */
export interface LoadedConfig {
  readonly configuration: Configuration;
  /** for each need the values of its own schema, frozen */
  readonly values: readonly Readonly<Record<string, unknown>>[];
  readonly problems: readonly Problem[];
}

/** What one source gave for a setting. */
interface Given {
  readonly value: unknown;
  readonly isText: boolean;
  readonly source: string;
}

/** One setting of a section, whichever schemas have it. */
interface Setting {
  /** as in the schema */
  readonly name: string;
  /** as in messages: `customer-scanner/fetch-size` */
  readonly fullName: string;
  readonly isSecret: boolean;
  /** the environment variables that set it */
  readonly variables: ReadonlySet<string>;
  /** what files and values gave, lowest first */
  readonly below: Given[];
  /** what overrides gave, lowest first */
  readonly above: Given[];
}

interface Section {
  readonly name: string;
  /** false: nobody asks for its settings now, so they are not looked at */
  readonly isNeeded: boolean;
  /** by every spelling that is read */
  readonly settings: ReadonlyMap<string, Setting>;
}

type Sections = ReadonlyMap<string, Section>;
/** @param section one that nobody knows, where that is what is wrong */
type Report = (component: string, message: string, section?: string) => unknown;

/**
 * Loads and checks the settings of `needs`. Synchronous; reads files, changes nothing, never throws for what a user wrote.
 *
 * Sections and settings are read in kebab-case and camelCase. Every value is checked where it stands, also one that a higher
 * source replaces. Components that share a section share its settings, and each receives those of its own schema.
 *
 * @param known the needs of the whole system: what is known there but not needed is neither checked nor unknown; default `needs`
 */
export function loadConfig(needs: readonly SectionNeed[], source: ConfigSource = {}, known: readonly SectionNeed[] = needs): LoadedConfig {
  const { dir, env = "localhost", values = {}, environment = process.env, overrides = [] } = source;
  const problems = new Map<string, Problem>();
  const report: Report = (component, message, section) => {
    const what = section === undefined ? ({ kind: "config" } as const) : ({ kind: "unknown section", section } as const);
    problems.set(message, { ...what, component, message: printable(message) });
  };
  const sections = sectionsOf(needs, known);

  const files = dir === undefined ? undefined : readConfigFiles(dir, env, env !== "localhost");
  for (const message of files?.problems ?? []) report("config", message);
  for (const layer of files?.layers ?? []) readLayer(layer.sections, layer.file, sections, report);
  readLayer(values, "values", sections, report);
  for (const [index, override] of overrides.entries()) {
    readOverride(typeof override === "string" ? { text: override, source: `override ${index + 1}` } : override, sections, report);
  }

  const effective = new Map<string, EffectiveSetting>();
  const loaded = needs.map((need) => {
    const fields = fieldsOf(need, sections, report);
    const sources = new Map<string, string>();
    const accepted: Record<string, unknown> = {};
    for (const { setting, field } of fields) {
      for (const given of givenFor(setting, environment)) {
        const reading = readValue(field, given.value, given.isText);
        if ("expected" in reading) {
          report(need.component, refusal(setting, given, reading.expected));
        } else {
          accepted[setting.name] = reading.value;
          sources.set(setting.name, given.source);
        }
      }
    }
    const complete = withDefaults(fields, accepted, (message) => report(need.component, message));
    for (const { setting, field } of fields) {
      if (effective.has(setting.fullName)) continue;
      const { section } = need;
      const value = mask(complete[setting.name], setting.isSecret);
      const from = sources.get(setting.name) ?? "default";
      effective.set(setting.fullName, Object.freeze({ section, name: kebabCase(setting.name), value, source: from, doc: field.doc }));
    }
    return complete;
  });

  const order = [...new Set(needs.map((need) => need.section))];
  const settings = [...effective.values()].sort((a, b) => order.indexOf(a.section) - order.indexOf(b.section));
  return { configuration: Object.freeze({ env, settings: Object.freeze(settings) }), values: loaded, problems: [...problems.values()] };
}

function sectionsOf(needs: readonly SectionNeed[], known: readonly SectionNeed[]): Sections {
  const isNeeded = new Set(needs.map((need) => need.section));
  const fields = new Map<string, Map<string, Field[]>>();
  for (const { section, schema } of [...needs, ...known]) {
    const settings = fields.get(section) ?? new Map<string, Field[]>();
    fields.set(section, settings);
    for (const [name, field] of Object.entries(schema)) {
      if (/^[a-z][a-zA-Z0-9]*$/.test(name)) settings.set(name, [...(settings.get(name) ?? []), field]);
    }
  }
  const sections = [...fields].map(([section, settings]) => ({
    name: section,
    isNeeded: isNeeded.has(section),
    settings: bySpelling([...settings].map(([name, variants]) => settingOf(section, name, variants))),
  }));
  return bySpelling(sections);
}

function settingOf(section: string, name: string, variants: readonly Field[]): Setting {
  return {
    name,
    fullName: `${section}/${kebabCase(name)}`,
    isSecret: variants.some((field) => field.sensitive),
    variables: new Set(variants.flatMap(({ env }) => env ?? [])),
    below: [],
    above: [],
  };
}

/** An exact name goes before another's spelling. */
function bySpelling<T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  const found = new Map(items.map((item) => [item.name, item]));
  for (const item of items) {
    const kebab = kebabCase(item.name);
    const camel = kebab.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    for (const spelling of [kebab, camel]) if (!found.has(spelling)) found.set(spelling, item);
  }
  return found;
}

function readLayer(layer: Readonly<Record<string, unknown>>, source: string, sections: Sections, report: Report): void {
  for (const [name, content] of Object.entries(layer)) {
    const section = sections.get(name);
    if (!section) {
      report("config", `Unknown section ${quote(name)} (${source})${suggestion(closest(name, sections.keys()))}`, maskCredentials(name));
      continue;
    }
    if (!section.isNeeded || content === null || content === undefined) continue;
    if (typeof content !== "object" || Array.isArray(content)) {
      report(section.name, `${section.name} = ${show(content)} (${source}): expected the settings of a section`);
      continue;
    }
    for (const [key, value] of Object.entries(content)) {
      const setting = section.settings.get(key);
      if (!setting) {
        report(section.name, unknownSetting(name, key, source, sections));
      } else if (setting.below.at(-1)?.source === source) {
        report(section.name, `${setting.fullName} stands twice (${source}), in two spellings: keep one of them`);
      } else if (value !== undefined) {
        setting.below.push({ value, isText: false, source });
      }
    }
  }
}

/** The section is what stands before the last `/` in front of the first `=`. */
function readOverride({ text, source }: Override, sections: Sections, report: Report): void {
  const [, name, key, value] = /^([^=]+)\/([^/=]+)=([^]*)$/.exec(text) ?? [];
  if (name === undefined || key === undefined || value === undefined) {
    const shown = text.replace(/=[^]+$/, "=…");
    report("config", `Cannot read the setting ${quote(shown)} (${source}): expected component/setting=value`);
    return;
  }
  const section = sections.get(name);
  if (section && !section.isNeeded) return;
  const setting = section?.settings.get(key);
  if (setting) setting.above.push({ value, isText: true, source });
  else report(section?.name ?? "config", unknownSetting(name, key, source, sections));
}

function unknownSetting(name: string, key: string, source: string, sections: Sections): string {
  const section = sections.get(name);
  const wanted = `${name}/${key}`;
  const near = section
    ? section.settings.get(closest(key, section.settings.keys()) ?? "")?.fullName
    : closest(
        wanted,
        [...sections.values()].flatMap(({ settings }) => [...settings.values()].map(({ fullName }) => fullName)),
      );
  return `Unknown setting ${quote(wanted)} (${source})${suggestion(near)}`;
}

function suggestion(near: string | undefined): string {
  return near === undefined ? "" : `. Did you mean "${near}"?`;
}

interface NeededField {
  readonly setting: Setting;
  readonly field: Field;
}

function fieldsOf({ component, section, schema }: SectionNeed, sections: Sections, report: Report): readonly NeededField[] {
  const settings = sections.get(section)?.settings;
  // An argument ends its setting's name at the first equals sign.
  if (section.includes("=") && Object.keys(schema).length > 0)
    report(component, `Section ${quote(section)} of component ${quote(component)} has a "=" in its name, which no argument can say`);
  return Object.entries(schema).flatMap(([name, field]) => {
    const setting = settings?.get(name);
    if (setting?.name === name) return [{ setting, field }];
    report(component, `Setting ${quote(name)} in the schema of component ${quote(component)} has no camelCase name`);
    return [];
  });
}

function givenFor({ variables, below, above }: Setting, environment: Readonly<Record<string, string | undefined>>): readonly Given[] {
  const between = [...variables].flatMap((variable) => {
    const value = environment[variable];
    return value === undefined ? [] : [{ value, isText: true, source: `${variable} (environment)` }];
  });
  return [...below, ...between, ...above];
}

function refusal({ fullName, isSecret }: Setting, { value, source }: Omit<Given, "isText">, expected: string): string {
  const where = source.replace(/ \((.*)\)$/, ", $1");
  return `${fullName} = ${isSecret ? HIDDEN : show(value)} (${where}): expected ${expected}`;
}

/**
 * convict completes what was accepted with the schema's defaults, which are checked also where they are not used.
 * It is given typed values and no texts, which it would coerce: "5abc" to 5.
 */
function withDefaults(
  fields: readonly NeededField[],
  accepted: Readonly<Record<string, unknown>>,
  refuse: (message: string) => void,
): Readonly<Record<string, unknown>> {
  if (fields.length === 0) return Object.freeze({});
  const convict = require("convict") as typeof import("convict");
  const definition = fields.map(({ setting, field }) => {
    const reading = readValue(field, field.default, false);
    const value = "value" in reading ? reading.value : (field.default ?? null);
    if ("expected" in reading) refuse(refusal(setting, { value, source: "default" }, reading.expected));
    return [setting.name, { doc: field.doc, default: value, nullable: value === null, format: () => {} }] as const;
  });
  const store = convict<Record<string, unknown>>(Object.fromEntries(definition), { env: {}, args: [] });
  return Object.freeze(store.validate({ allowed: "strict" }).load(accepted).getProperties());
}
