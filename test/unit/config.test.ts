/** Settings without files: strictness, precedence, names, secrets, and what is printed of them. */
import { spawnSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import { type ConfigSource, formatConfiguration, loadConfig, type SectionNeed, settingsHelp } from "../../lib/config.js";
import { component } from "../../lib/component.js";
import { config, type Field, type Format, key, type Schema, schema } from "../../lib/key.js";
import { system } from "../../lib/system.js";
import { Config, configuration } from "../../components/config.js";

const migration: SectionNeed = {
  component: "migration-overseer",
  section: "customer-migration",
  schema: schema({ processes: { doc: "migration jobs at once", format: "positive", default: 20 } }),
};
const scanner: SectionNeed = {
  component: "customer-scanner",
  section: "customer-scanner",
  schema: schema({
    fetchSize: { doc: "ids per query", format: "positive", default: 1_000, env: "FETCH_SIZE" },
    pagingStatePath: { doc: "where the paging state is kept", format: String, default: null },
  }),
};
const needs = [migration, scanner];

const load = (source: ConfigSource, wanted: readonly SectionNeed[] = needs, known?: readonly SectionNeed[]) =>
  loadConfig(wanted, { environment: {}, ...source }, known);
const messages = (source: ConfigSource, wanted?: readonly SectionNeed[], known?: readonly SectionNeed[]) =>
  load(source, wanted, known).problems.map(({ message }) => message);

/** One setting `unit/field` of a format. */
function one(format: Format, more: Partial<Field> = {}): readonly SectionNeed[] {
  const defaults = new Map<unknown, unknown>([
    [String, ""],
    [Boolean, false],
    ["url", "http://127.0.0.1"],
    ["positive", 1],
  ]);
  const fallback = Array.isArray(format) ? format[0] : (defaults.get(format) ?? 0);
  const field: Field = { doc: "a field", format, default: fallback, ...more };
  return [{ component: "unit", section: "unit", schema: { field } }];
}

/** What a text is read as, or `undefined` where it is refused. */
function fromText(format: Format, text: string): unknown {
  const { values, problems } = load({ overrides: [`unit/field=${text}`] }, one(format));
  return problems.length === 0 ? values[0]?.["field"] : undefined;
}

function fromValue(format: Format, value: unknown): unknown {
  const { values, problems } = load({ values: { unit: { field: value } } }, one(format));
  return problems.length === 0 ? values[0]?.["field"] : undefined;
}

describe("loadConfig", () => {
  it("gives each need its defaults, in camelCase, frozen, where nothing else is said", () => {
    const { values, problems, configuration } = load({});
    expect(problems).to.deep.equal([]);
    expect(values).to.deep.equal([{ processes: 20 }, { fetchSize: 1_000, pagingStatePath: null }]);
    expect(values.every((value) => Object.isFrozen(value))).to.equal(true);
    expect(configuration).to.deep.equal({
      env: "localhost",
      settings: [
        { section: "customer-migration", name: "processes", value: 20, source: "default", doc: "migration jobs at once" },
        { section: "customer-scanner", name: "fetch-size", value: 1_000, source: "default", doc: "ids per query" },
        { section: "customer-scanner", name: "paging-state-path", value: null, source: "default", doc: "where the paging state is kept" },
      ],
    });
  });

  it("lists settings by section though the needs of a section are apart", () => {
    const late: SectionNeed = { ...migration, component: "late", schema: { dry: { doc: "", format: Boolean, default: false } } };
    const { configuration } = load({}, [migration, scanner, late]);
    expect(configuration.settings.map(({ section, name }) => `${section}/${name}`)).to.deep.equal([
      "customer-migration/processes",
      "customer-migration/dry",
      "customer-scanner/fetch-size",
      "customer-scanner/paging-state-path",
    ]);
  });

  it("reads sections and settings in kebab-case and in camelCase", () => {
    for (const name of ["customer-scanner/fetch-size", "customerScanner/fetchSize", "customer-scanner/fetchSize"]) {
      expect(load({ overrides: [`${name}=7`] }).values[1]?.["fetchSize"], name).to.equal(7);
    }
    const { values } = load({ values: { customerScanner: { "fetch-size": 8 } } });
    expect(values[1]?.["fetchSize"]).to.equal(8);
    expect(messages({ overrides: ["Customer-Scanner/fetch-size=7", "customer-scanner/FETCH-SIZE=7"] })).to.have.length(2);
  });

  it("takes an exact name before another's second spelling", () => {
    const sections = ["two-words", "twoWords"].map((section) => ({ ...migration, section }));
    for (const order of [sections, sections.toReversed()]) {
      const { values } = load({ overrides: order.map(({ section }, index) => `${section}/processes=${index + 1}`) }, order);
      expect(values).to.deep.equal([{ processes: 1 }, { processes: 2 }]);
    }
  });

  it("refuses a setting that stands twice in one source", () => {
    expect(messages({ values: { "customer-scanner": { "fetch-size": 1, fetchSize: 2 } } })).to.deep.equal([
      "customer-scanner/fetch-size stands twice (values), in two spellings: keep one of them",
    ]);
  });

  it("takes the last of several overrides", () => {
    const { values, configuration } = load({ overrides: ["customer-migration/processes=1", "customer-migration/processes=2"] });
    expect(values[0]).to.deep.equal({ processes: 2 });
    expect(configuration.settings[0]?.source).to.equal("override 2");
  });

  it("says all problems at once, in the order of their sources, wrong values last", () => {
    const { problems } = load({
      values: { "customer-scaner": {}, "customer-scanner": { "fetch-size": "5" } },
      environment: { FETCH_SIZE: "many" },
      overrides: [
        { text: "customer-migration/processes=5abc", source: "argument 1" },
        { text: "customer-migration/proceses=5", source: "argument 2" },
        { text: "nonsense", source: "argument 3" },
      ],
    });
    expect(problems).to.deep.equal([
      {
        kind: "unknown section",
        section: "customer-scaner",
        component: "config",
        message: 'Unknown section "customer-scaner" (values). Did you mean "customer-scanner"?',
      },
      {
        kind: "config",
        component: "customer-migration",
        message: 'Unknown setting "customer-migration/proceses" (argument 2). Did you mean "customer-migration/processes"?',
      },
      {
        kind: "config",
        component: "config",
        message: 'Cannot read the setting "nonsense" (argument 3): expected component/setting=value',
      },
      {
        kind: "config",
        component: "migration-overseer",
        message: 'customer-migration/processes = "5abc" (argument 1): expected a whole number from 1 up',
      },
      {
        kind: "config",
        component: "customer-scanner",
        message: 'customer-scanner/fetch-size = "5" (values): expected a whole number from 1 up, without quotes',
      },
      {
        kind: "config",
        component: "customer-scanner",
        message: 'customer-scanner/fetch-size = "many" (FETCH_SIZE, environment): expected a whole number from 1 up',
      },
    ]);
  });

  it("checks a wrong value also where a higher source replaces it", () => {
    expect(messages({ values: { "customer-migration": { processes: 0 } }, overrides: ["customer-migration/processes=5"] })).to.deep.equal([
      "customer-migration/processes = 0 (values): expected a whole number from 1 up",
    ]);
  });

  it("suggests a setting for a mistyped section and for a mistyped setting, and none where nothing is near", () => {
    expect(
      messages({ overrides: ["custmer-scanner/fetch-size=1", "customer-scanner/fetchsize=1", "customer-scanner/colour=1", "x/y=1"] }),
    ).to.deep.equal([
      'Unknown setting "custmer-scanner/fetch-size" (override 1). Did you mean "customer-scanner/fetch-size"?',
      'Unknown setting "customer-scanner/fetchsize" (override 2). Did you mean "customer-scanner/fetch-size"?',
      'Unknown setting "customer-scanner/colour" (override 3)',
      'Unknown setting "x/y" (override 4)',
    ]);
  });

  it("refuses overrides that are not component/setting=value", () => {
    for (const text of ["", "foo", "a=b", "a/b", "=x", "/=x", "a/=x", "/b=x", "a=b/c"]) {
      expect(messages({ overrides: [text] }), text).to.have.length(1);
      expect(messages({ overrides: [text] })[0], text).to.match(/^Cannot read the setting ".*" \(override 1\): expected component\/set/);
    }
  });

  it("takes all before the last slash for the section, and all behind the first equals sign for the value", () => {
    const nested: SectionNeed = { component: "a", section: "a/b", schema: { c: { doc: "", format: String, default: "" } } };
    expect(load({ overrides: ["a/b/c=d/e=f"] }, [nested]).values).to.deep.equal([{ c: "d/e=f" }]);
    expect(messages({ overrides: ["a/b/c=1"] })).to.deep.equal(['Unknown setting "a/b/c" (override 1)']);
  });

  it("reads nothing behind the equals sign as the empty text", () => {
    expect(load({ overrides: ["customer-scanner/paging-state-path="] }).values[1]?.["pagingStatePath"]).to.equal("");
    expect(messages({ overrides: ["customer-migration/processes="] })).to.deep.equal([
      'customer-migration/processes = "" (override 1): expected a whole number from 1 up',
    ]);
  });

  it("takes null only where it is the default", () => {
    const source = { values: { "customer-migration": { processes: null }, "customer-scanner": { "paging-state-path": null } } };
    expect(messages(source)).to.deep.equal(["customer-migration/processes = null (values): expected a whole number from 1 up"]);
    expect(load({ overrides: ["customer-scanner/paging-state-path=null"] }).values[1]?.["pagingStatePath"]).to.equal("null");
  });

  it("refuses a section that is no group of settings", () => {
    const values = { "customer-migration": 5, "customer-scanner": [1] } as never;
    expect(messages({ values })).to.deep.equal([
      "customer-migration = 5 (values): expected the settings of a section",
      "customer-scanner = […] (values): expected the settings of a section",
    ]);
  });

  it("leaves alone what is known but not needed", () => {
    const values = { "customer-scanner": { "fetch-size": "broken", nonsense: 1 } };
    expect(messages({ values, overrides: ["customer-scanner/other=1"] }, [migration], needs)).to.deep.equal([]);
    expect(messages({ values }, [migration], [migration])).to.deep.equal(['Unknown section "customer-scanner" (values)']);
  });

  it("gives components that share a section each its own settings", () => {
    const a: SectionNeed = { component: "a", section: "shared", schema: { left: { doc: "", format: "nat", default: 1 } } };
    const b: SectionNeed = { component: "b", section: "shared", schema: { right: { doc: "", format: "nat", default: 2 } } };
    expect(load({ values: { shared: { left: 3, right: 4 } } }, [a, b]).values).to.deep.equal([{ left: 3 }, { right: 4 }]);
    expect(load({ values: { shared: { left: 3, right: "x" } } }, [a], [a, b]).problems).to.deep.equal([]);
  });

  it("gives one value to components that share a setting, though only one schema names the environment variable", () => {
    const a: SectionNeed = { component: "a", section: "shared", schema: { size: { doc: "", format: "nat", default: 1, env: "SIZE" } } };
    const b: SectionNeed = { component: "b", section: "shared", schema: { size: { doc: "", format: "nat", default: 1 } } };
    expect(load({ environment: { SIZE: "9" } }, [a, b]).values).to.deep.equal([{ size: 9 }, { size: 9 }]);
    expect(messages({ environment: { SIZE: "x" } }, [a, b])).to.have.length(1);
  });

  it("refuses a default that does not fit its format, and a setting without camelCase name", () => {
    const wrong: Schema = {
      size: { doc: "", format: "nat", default: "5abc" },
      none: { doc: "", format: "nat", default: undefined },
      "no-ne": { doc: "", format: "nat", default: 1 },
      noNe: { doc: "", format: "nat", default: 1 },
      "a.b": { doc: "", format: "nat", default: 1 },
      _cvtProperties: { doc: "", format: "nat", default: 1 },
    };
    expect(messages({}, [{ component: "unit", section: "unit", schema: wrong }])).to.deep.equal([
      'Setting "no-ne" in the schema of component "unit" has no camelCase name',
      'Setting "a.b" in the schema of component "unit" has no camelCase name',
      'Setting "_cvtProperties" in the schema of component "unit" has no camelCase name',
      'unit/size = "5abc" (default): expected a whole number from 0 up',
      "unit/none = null (default): expected a whole number from 0 up",
    ]);
  });

  it("refuses such a default also where another value counts", () => {
    const [need] = one("nat", { default: "5abc" });
    expect(messages({ overrides: ["unit/field=7"] }, need && [need])).to.deep.equal([
      'unit/field = "5abc" (default): expected a whole number from 0 up',
    ]);
  });

  it("asks a field's own check about what its format takes, wherever it stands, and not about null", () => {
    const asked: unknown[] = [];
    const check = (value: number) => {
      asked.push(value);
      return value % 2 === 0 ? undefined : "an even number";
    };
    const even = one("nat", { default: 5, env: "EVEN", check });
    const sources = { values: { unit: { field: 3 } }, environment: { EVEN: "x" }, overrides: ["unit/field=1", "unit/field=2"] };
    expect(messages(sources, even)).to.deep.equal([
      "unit/field = 3 (values): expected an even number",
      'unit/field = "x" (EVEN, environment): expected a whole number from 0 up',
      'unit/field = "1" (override 1): expected an even number',
      "unit/field = 5 (default): expected an even number",
    ]);
    expect(asked).to.have.members([3, 1, 2, 5]);
    expect(messages({ values: { unit: { field: null } } }, one("nat", { default: null, check }))).to.deep.equal([]);
    expect(asked).to.have.lengthOf(4);
  });

  it("refuses a section that no argument can name, where it has settings", () => {
    const schema: Schema = { size: { doc: "", format: "nat", default: 1 } };
    const odd: SectionNeed = { component: "odd", section: "a/b c=1", schema };
    expect(messages({}, [odd])).to.deep.equal(['Section "a/b c=1" of component "odd" has a "=" in its name, which no argument can say']);
    expect(messages({}, [{ ...odd, schema: {} }])).to.deep.equal([]);
    expect(messages({ overrides: ["a/b c/size=2"] }, [{ ...odd, section: "a/b c" }])).to.deep.equal([]);
  });

  it("takes a duration with a unit as a default", () => {
    expect(load({}, one("duration", { default: "15 s" })).values).to.deep.equal([{ field: 15_000 }]);
  });

  it("reads names of object internals as any other name", () => {
    const odd: SectionNeed = {
      component: "odd",
      section: "constructor",
      schema: { constructor: { doc: "", format: "nat", default: 1 }, default: { doc: "", format: "nat", default: 2 } } as Schema,
    };
    const { values } = load({ overrides: ["constructor/constructor=5", "constructor/default=6"] }, [odd]);
    expect(Object.entries(values[0] ?? {})).to.deep.equal([
      ["constructor", 5],
      ["default", 6],
    ]);
    const polluting = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}') as never;
    expect(messages({ values: polluting, overrides: ["__proto__/polluted=1", "customer-migration/__proto__=1"] })).to.have.length(4);
    expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
  });

  it("needs no section", () => {
    expect(load({}, [])).to.deep.equal({ configuration: { env: "localhost", settings: [] }, values: [], problems: [] });
    expect(load({}, [{ component: "a", section: "a", schema: {} }]).values).to.deep.equal([{}]);
  });
});

describe("what settings load", () => {
  it("is nothing before there is a setting, and no parser of files without a file", () => {
    const script = `
      import { createRequire } from "node:module";
      import { loadConfig } from ${JSON.stringify(import.meta.resolve("../../lib/config.js"))};
      const { cache } = createRequire(${JSON.stringify(import.meta.url)});
      const need = { component: "a", section: "a", schema: { b: { doc: "", format: "nat", default: 0 } } };
      const loaded = () => ["convict", "yaml", "json5"].filter((name) => Object.keys(cache).some((file) => file.includes("/" + name + "/")));
      const stages = [loaded()];
      loadConfig([]);
      loadConfig([{ component: "a", section: "a", schema: {} }]);
      stages.push(loaded());
      loadConfig([need], { values: { a: { b: 1 } } });
      stages.push(loaded());
      console.log(JSON.stringify(stages));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stderr).to.equal("");
    expect(JSON.parse(stdout)).to.deep.equal([[], [], ["convict"]]);
  });
});

describe("secrets", () => {
  const database: SectionNeed = {
    component: "db",
    section: "db",
    schema: schema({
      uri: { doc: "where it is", format: "url", default: "mongodb://127.0.0.1" },
      pin: { doc: "its pin", format: "nat", default: null, sensitive: true, env: "DB_PIN" },
    }),
  };

  it("are in the values and hidden in the configuration", () => {
    const uri = "mongodb://me:hun@ter/2@a:1,b:2/db";
    const { values, configuration } = load({ overrides: [`db/uri=${uri}`, "db/pin=4711"] }, [database]);
    expect(values).to.deep.equal([{ uri, pin: 4711 }]);
    expect(configuration.settings.map(({ value }) => value)).to.deep.equal(["mongodb://••••@a:1,b:2/db", "••••"]);
    expect(formatConfiguration(configuration)).not.to.match(/hun|ter|4711/);
  });

  it("are hidden for every schema of a section where one says so", () => {
    const other: SectionNeed = { ...database, component: "other", schema: { pin: { doc: "", format: "nat", default: null } } };
    const { configuration } = load({ overrides: ["db/pin=4711"] }, [other], [other, database]);
    expect(configuration.settings[0]?.value).to.equal("••••");
  });

  it("stand in no message", () => {
    const overrides = [
      "db/pin=hunter2",
      "db/uri=no url://me:hunter2@a",
      "db.pin=hunter2",
      "db/pni=hunter2",
      "mongodb://me:hunter2@host/db",
      "mongodb://me:hunter2@host/db?x=1",
    ];
    const { problems } = load({ overrides, environment: { DB_PIN: "hunter2" }, values: { "a://me:hunter2@b": {} } }, [database]);
    expect(problems).to.have.length(8);
    expect(JSON.stringify(problems)).not.to.include("hunter2");
    expect(problems.map(({ message }) => message)).to.include("db/pin = •••• (override 1): expected a whole number from 0 up");
  });

  it("stand in no message where a URI lacks its scheme, and are no options of one", () => {
    const uri = ["db/uri=1:hunter2@host", "db/uri=http://host:port/?a=1&tlsKeyPassword=hunter2&authProperties=TOKEN:hunter2&b=2"];
    expect(messages({ overrides: uri }, [database])).to.deep.equal([
      'db/uri = "••••@host" (override 1): expected a URL such as https://host/path',
      'db/uri = "http://host:port/?a=1&tlsKeyPassword=••••&authProperties=••…" (override 2): expected a URL such as https://host/path',
    ]);
    const { configuration } = load({ overrides: ["db/uri=http://host/?passwd=hunter2"] }, [database]);
    expect(formatConfiguration(configuration)).to.include("http://host/?passwd=••••");
  });
});

describe("a setting's format", () => {
  const numbers: readonly [Format, number, number][] = [
    ["nat", 0, Number.MAX_SAFE_INTEGER],
    ["positive", 1, Number.MAX_SAFE_INTEGER],
    ["int", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["port", 0, 65_535],
  ];
  const nearNumber = fc.stringMatching(/^[ +-]?[0-9]{0,18}[.eEx_, a-z]?[0-9]{0,3} ?$/);
  const anyText = fc.oneof(fc.string(), fc.integer().map(String), fc.maxSafeInteger().map(String), nearNumber);

  for (const [format, least, most] of numbers) {
    it(`${String(format)} takes a text if and only if it is the canonical decimal of a number in its range`, () => {
      fc.assert(
        fc.property(anyText, (text) => {
          const number = Number(text);
          const fits = Number.isSafeInteger(number) && String(number) === text && number >= least && number <= most;
          expect(fromText(format, text)).to.equal(fits ? number : undefined);
        }),
      );
      for (const edge of [least, most]) expect(fromText(format, String(edge))).to.equal(edge);
      for (const text of [String(least - 1), String(most + 1), "-0", "007", "1e3", "5abc", " 5", "1_000"]) {
        expect(fromText(format, text), text).to.equal(format === "int" && text === "-1" ? -1 : undefined);
      }
    });
  }

  it("of a file is refused where its type is wrong", () => {
    for (const format of ["nat", "positive", "int", "port", Number] as const) {
      expect(fromValue(format, 1.5)).to.equal(format === Number ? 1.5 : undefined);
      expect(fromValue(format, 5)).to.equal(5);
      for (const value of ["5", true, Number.NaN, Infinity, [5], { a: 5 }, 5n]) {
        expect(fromValue(format, value), `${String(format)} ${String(value)}`).to.equal(undefined);
      }
    }
    expect(fromValue(String, 5)).to.equal(undefined);
    expect(fromValue(Boolean, "true")).to.equal(undefined);
    expect(fromValue("duration", "500")).to.equal(undefined);
    expect(fromValue("duration", "15 s")).to.equal(15_000);
    expect(fromValue(["a", "b"], "b")).to.equal("b");
  });

  it("Number takes decimals and exponents, and nothing that is not finite", () => {
    for (const text of ["0", "-1.5", "1e3", "2.5E-3"]) expect(fromText(Number, text), text).to.equal(Number(text));
    for (const text of ["", "1.", ".5", "NaN", "Infinity", "1e999", "0x10", "1,5", "5abc"]) {
      expect(fromText(Number, text), text).to.equal(undefined);
    }
  });

  it("Boolean takes true and false alone", () => {
    expect(fromText(Boolean, "true")).to.equal(true);
    expect(fromText(Boolean, "false")).to.equal(false);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom("maybe", "yes", "no", "1", "0", "TRUE", ""),
          fc.string().filter((text) => text !== "true" && text !== "false"),
        ),
        (text) => {
          expect(fromText(Boolean, text)).to.equal(undefined);
        },
      ),
    );
  });

  it("duration takes whole milliseconds or one number with a unit", () => {
    const read = ["0", "500", "500 ms", "15 s", "15s", "2 m", "1 h"].map((text) => fromText("duration", text));
    expect(read).to.deep.equal([0, 500, 500, 15_000, 15_000, 120_000, 3_600_000]);
    for (const text of ["", "-1", "1.5 s", "15  s", "15 sec", "s", "1 m 3 s", "1 d", "9007199254740991 h"]) {
      expect(fromText("duration", text), text).to.equal(undefined);
    }
  });

  it("String takes every text as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromText(String, text)).to.equal(text);
      }),
    );
  });

  it("url takes addresses of one host and of several", () => {
    for (const text of ["http://a", "mongodb://u:p@a:1,b:2/?replicaSet=x", "redis://[::1]:6379", "embedded:", "embedded:.data/mongo"]) {
      expect(fromText("url", text), text).to.equal(text);
    }
    for (const text of ["", "a", "127.0.0.1:80", "http://", "http://a:port", "mongodb://a:x,b"]) {
      expect(fromText("url", text), text).to.equal(undefined);
    }
  });

  it("as a list takes its texts alone, and names them", () => {
    expect(messages({ overrides: ["unit/field=Auto"] }, one(["auto", "console", "plain"]))).to.deep.equal([
      'unit/field = "Auto" (override 1): expected "auto", "console" or "plain"',
    ]);
  });
});

describe("precedence", () => {
  it("the highest source that sets a setting wins and is named; all lower ones change nothing", () => {
    const maybe = fc.option(fc.nat(), { nil: undefined });
    fc.assert(
      fc.property(maybe, maybe, fc.array(fc.nat(), { maxLength: 3 }), (value, variable, overrides) => {
        const { values, configuration, problems } = load(
          {
            values: { unit: { field: value } },
            environment: { FIELD: variable === undefined ? undefined : String(variable) },
            overrides: overrides.map((number, index) => ({ text: `unit/field=${number}`, source: `argument ${index + 1}` })),
          },
          one("nat", { default: 7, env: "FIELD" }),
        );
        const [winner, source] = [
          ...overrides.map((number, index) => [number, `argument ${index + 1}`] as const).reverse(),
          [variable, "FIELD (environment)"] as const,
          [value, "values"] as const,
          [7, "default"] as const,
        ].find(([number]) => number !== undefined)!;
        expect(problems).to.deep.equal([]);
        expect(values).to.deep.equal([{ field: winner }]);
        expect(configuration.settings[0]).to.include({ value: winner, source });
      }),
    );
  });

  it("no values and no override can make it crash or go unnoticed", () => {
    const names = fc.oneof(fc.constantFrom("__proto__", "constructor", "a.b", "customer-scanner", "fetch-size", "toString"), fc.string());
    const values = fc.dictionary(names, fc.dictionary(names, fc.anything()));
    const override = fc.oneof(
      fc.string(),
      fc.tuple(names, names, fc.string()).map(([a, b, c]) => `${a}/${b}=${c}`),
    );
    fc.assert(
      fc.property(values, fc.array(override, { maxLength: 4 }), (sections, overrides) => {
        const loaded = load({ values: sections, overrides });
        for (const { message } of loaded.problems) expect(message).to.match(/^[^\n]+$/);
        if (loaded.problems.length === 0) {
          expect(loaded.values.every((value) => Object.isFrozen(value))).to.equal(true);
          expect(overrides.every((text) => text.startsWith("customer-scanner/fetch-size="))).to.equal(true);
        }
      }),
    );
  });
});

describe("configuration()", () => {
  it("gives whoever needs it every setting in force, of other components too", async () => {
    const fields = schema({ pin: { doc: "a pin", format: "nat", default: 1, sensitive: true } });
    const Door = key<number>()("door");
    const door = component(Door, { needs: { settings: config(fields) }, start: ({ settings }) => settings.pin });
    const running = await system(configuration(), door).start({ config: { overrides: ["door/pin=2"] } });
    expect(running.get(Door)).to.equal(2);
    expect(running.get(Config)).to.deep.equal({
      env: "localhost",
      settings: [{ section: "door", name: "pin", value: "••••", source: "override 1", doc: "a pin" }],
    });
    await running.stop();
  });
});

describe("formatConfiguration", () => {
  it("aligns settings, values and sources, and quotes what could not be told apart", () => {
    const { configuration } = load({ overrides: ["customer-scanner/paging-state-path="] });
    expect(formatConfiguration(configuration, needs)).to.equal(
      [
        "Settings in force (environment localhost)",
        "  customer-migration/processes        20     default",
        "  customer-scanner/fetch-size         1,000  default",
        '  customer-scanner/paging-state-path  ""     override 1',
      ].join("\n"),
    );
  });

  it("writes every value as the help does", () => {
    for (const [format, value, words] of [
      ["duration", 15_000, "15 s"],
      ["duration", 1_500, "1,500 ms"],
      ["duration", 0, "0 s"],
      ["port", 27_017, "27017"],
      ["nat", 1_234_567, "1,234,567"],
      [Number, 0.000_25, "0.00025"],
      [Boolean, true, "true"],
      [["plain", "live"], "live", "live"],
      [String, "", '""'],
      [String, "two words", "two words"],
      [String, " ", '" "'],
      [String, null, "none"],
      [String, "none", '"none"'],
    ] as const) {
      const wanted = one(format, { default: value });
      const { configuration } = load({}, wanted);
      expect(formatConfiguration(configuration, wanted).split("\n")[1]).to.equal(`  unit/field  ${words}  default`);
      expect(settingsHelp(wanted, configuration)).to.equal(`  unit/field  a field (${words})`);
    }
  });

  it("keeps a long value from pushing the others", () => {
    const { configuration } = load({ overrides: [`customer-scanner/paging-state-path=${"x".repeat(90)}`] });
    expect(formatConfiguration(configuration).split("\n")[1]).to.match(/processes {8}20 {4}default$/);
  });
});

describe("settingsHelp", () => {
  it("aligns docs, with defaults as people read them", () => {
    const more: SectionNeed = {
      component: "db",
      section: "db",
      schema: schema({
        port: { doc: "its port", format: "port", default: 27_017 },
        password: { doc: "its password", format: String, default: "hunter2", sensitive: true },
        timeout: { doc: "how long to wait", format: "duration", default: 15_000 },
      }),
    };
    expect(settingsHelp([...needs, migration, more])).to.equal(
      [
        "  customer-migration/processes        migration jobs at once (20)",
        "  customer-scanner/fetch-size         ids per query (1,000; or FETCH_SIZE)",
        "  customer-scanner/paging-state-path  where the paging state is kept (none)",
        "  db/port                             its port (27017)",
        "  db/password                         its password (••••)",
        "  db/timeout                          how long to wait (15 s)",
      ].join("\n"),
    );
  });

  it("says the value in force where the configuration has one", () => {
    const { configuration } = load({ overrides: ["customer-migration/processes=5"] });
    expect(settingsHelp(needs, configuration).split("\n")[0]).to.equal("  customer-migration/processes        migration jobs at once (5)");
  });
});
