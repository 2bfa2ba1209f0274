/** Settings in files: which are read, in which order, and what is said of those that cannot be. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { type ConfigSource, loadConfig, type SectionNeed } from "../../lib/config.js";
import { schema } from "../../lib/key.js";

const scanner: SectionNeed = {
  component: "customer-scanner",
  section: "customer-scanner",
  schema: schema({
    fetchSize: { doc: "ids per query", format: "positive", default: 1_000 },
    blockSize: { doc: "ids in the channel", format: "positive", default: 100 },
    label: { doc: "its label", format: String, default: "scan" },
  }),
};

describe("configuration files", () => {
  const made: string[] = [];
  afterEach(() => {
    for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
  });

  function conf(files: Readonly<Record<string, string>>): string {
    const dir = mkdtempSync(join(tmpdir(), "millrace-config-"));
    made.push(dir);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    return dir;
  }
  const load = (dir: string, source: ConfigSource = {}) => loadConfig([scanner], { dir, environment: {}, ...source });
  const messages = (dir: string, source?: ConfigSource) =>
    load(dir, source).problems.map(({ message }) => message.replaceAll(dir, "conf").replaceAll(relative("", dir), "conf"));
  const section = (settings: Readonly<Record<string, unknown>>) => JSON.stringify({ "customer-scanner": settings });

  it("count in the order default, environment, local, and are named", () => {
    const dir = conf({
      "default.yaml": section({ "fetch-size": 1, "block-size": 1, label: "1" }),
      "localhost.yaml": section({ "fetch-size": 2, "block-size": 2 }),
      "local.yaml": section({ "fetch-size": 3 }),
      "staging.yaml": "not: read: at all",
    });
    const { values, problems, configuration } = load(dir);
    expect(problems).to.deep.equal([]);
    expect(values).to.deep.equal([{ fetchSize: 3, blockSize: 2, label: "1" }]);
    expect(configuration.settings.map(({ source }) => source)).to.deep.equal(
      ["local.yaml", "localhost.yaml", "default.yaml"].map((file) => join(dir, file)),
    );
  });

  it("are named as the folder was given", () => {
    const dir = relative("", conf({ "default.yaml": section({ label: "x" }) }));
    expect(load(dir).configuration.settings[2]?.source).to.equal(join(dir, "default.yaml"));
  });

  it("give way to values, environment and overrides, whatever their number", () => {
    const order = ["default", "localhost", "local", "values", "FETCH (environment)", "override 1"];
    fc.assert(
      fc.property(fc.subarray(order), (layers) => {
        const files = order.slice(0, 3).filter((name) => layers.includes(name));
        const dir = conf(Object.fromEntries(files.map((name) => [`${name}.json`, section({ fetchSize: order.indexOf(name) + 1 })])));
        const need = { ...scanner, schema: { fetchSize: { doc: "", format: "nat", default: 0, env: "FETCH" } } } as const;
        const { values, configuration } = loadConfig([need], {
          dir,
          values: layers.includes("values") ? { customerScanner: { fetchSize: 4 } } : {},
          environment: layers.includes("FETCH (environment)") ? { FETCH: "5" } : {},
          overrides: layers.includes("override 1") ? ["customer-scanner/fetch-size=6"] : [],
        });
        const highest = Math.max(-1, ...layers.map((layer) => order.indexOf(layer)));
        expect(values).to.deep.equal([{ fetchSize: highest + 1 }]);
        const winner = highest >= 0 && highest < 3 ? join(dir, `${order[highest]}.json`) : (order[highest] ?? "default");
        expect(configuration.settings[0]?.source).to.equal(winner);
      }),
      { numRuns: 64 },
    );
  });

  it("are yaml, yml, json and json5, with comments, a byte order mark and CRLF", () => {
    const yaml = "\uFEFF# a comment\r\ncustomer-scanner:\r\n  fetch-size: 5 # another\r\n";
    const json = '\uFEFF{\r\n  // a comment\r\n  "customer-scanner": { "fetch-size": 5 },\r\n}';
    for (const file of ["default.yaml", "default.yml", "default.json", "default.json5"]) {
      const { values, problems } = load(conf({ [file]: file.includes("json") ? json : yaml }));
      expect(problems, file).to.deep.equal([]);
      expect(values[0]?.["fetchSize"], file).to.equal(5);
    }
  });

  it("may be empty, and so may their sections; other files are not looked at", () => {
    const dir = conf({ "default.yaml": "# nothing\n", "localhost.yaml": "customer-scanner:\n", "local.json": " \n", "notes.txt": "{" });
    expect(messages(dir)).to.deep.equal([]);
  });

  it("are as strict as arguments: types, sections and settings", () => {
    const dir = conf({
      "default.yaml": "customer-scanner:\n  fetch-size: '5'\n  block-size: 5abc\n  label: 5\n  blok-size: 1\ncustomer-scaner:\n  a: 1\n",
    });
    expect(messages(dir)).to.deep.equal([
      'Unknown setting "customer-scanner/blok-size" (conf/default.yaml). Did you mean "customer-scanner/block-size"?',
      'Unknown section "customer-scaner" (conf/default.yaml). Did you mean "customer-scanner"?',
      'customer-scanner/fetch-size = "5" (conf/default.yaml): expected a whole number from 1 up, without quotes',
      'customer-scanner/block-size = "5abc" (conf/default.yaml): expected a whole number from 1 up',
      "customer-scanner/label = 5 (conf/default.yaml): expected a text, in quotes",
    ]);
  });

  it("that cannot be parsed are named with line and column, without their text", () => {
    const broken = {
      "default.yaml": "customer-scanner:\n  label: [hunter2\n",
      "localhost.yaml": "customer-scanner:\n  label: |hunter2\n",
      "local.json5": '{\n  "customer-scanner": hunter2\n}',
    };
    const said = messages(conf(broken));
    expect(said).to.have.length(3);
    expect(said[0]).to.match(/^Cannot read conf\/default\.yaml, line 3, column 1: Flow sequence/);
    expect(said[1]).to.equal("Cannot read conf/localhost.yaml, line 2, column 11: Block scalar header includes extra characters");
    expect(said[2]).to.equal("Cannot read conf/local.json5, line 2, column 23: invalid character 'h'");
    expect(said.join()).not.to.include("hunter");
  });

  it("with doubled keys, unknown tags, aliases of nothing or several documents are refused", () => {
    const texts = {
      "Map keys must be unique": "customer-scanner: {}\ncustomer-scanner: {}\n",
      "Unresolved tag": "customer-scanner: !secret x\n",
      "Unresolved alias": "customer-scanner: *x\n",
      "Source contains multiple documents": "a: 1\n---\nb: 2\n",
    };
    for (const [why, text] of Object.entries(texts)) {
      const said = messages(conf({ "default.yaml": text }));
      expect(said, why).to.have.length(1);
      expect(said[0]).to.match(new RegExp(`^Cannot read conf/default.yaml.*: ${why}`));
    }
  });

  it("that hold no sections are refused", () => {
    const dir = conf({ "default.yaml": "- a\n", "localhost.json": "5", "local.yaml": "customer-scanner: text\n" });
    expect(messages(dir)).to.deep.equal([
      "Cannot read conf/default.yaml: expected sections, got […]",
      "Cannot read conf/localhost.json: expected sections, got 5",
      'customer-scanner = "text" (conf/local.yaml): expected the settings of a section',
    ]);
  });

  it("that cannot be read are named with the reason", () => {
    const dir = conf({});
    mkdirSync(join(dir, "default.yaml"));
    expect(messages(dir)).to.deep.equal(["Cannot read conf/default.yaml: EISDIR: illegal operation on a directory, read"]);
  });

  it("of one name in two notations are refused", () => {
    expect(messages(conf({ "default.yaml": "", "default.json": "" }))).to.deep.equal([
      'conf/default.json and conf/default.yaml are both read for "default": keep one of them',
    ]);
  });

  it("must be there for an environment that was asked for, and not for the default one", () => {
    const dir = conf({ "default.yaml": "", "local.yaml": "", "production.yaml": "", "staging.yaml": "" });
    expect(messages(dir)).to.deep.equal([]);
    expect(load(dir, { env: "staging" })).to.deep.include({ problems: [] });
    expect(messages(dir, { env: "producton" })).to.deep.equal([
      'Unknown environment "producton": conf has production, staging. Did you mean "production"?',
    ]);
    for (const env of ["local", "default", "../production", ""]) expect(messages(dir, { env }), env).to.have.length(1);
    expect(messages(conf({}), { env: "staging" })).to.deep.equal(['Unknown environment "staging": conf has no file of an environment']);
  });

  it("must have their folder", () => {
    const absent = join(conf({}), "absent");
    expect(load(absent).problems.map(({ message }) => message)).to.have.length(1);
    expect(load("no/such/folder").problems[0]?.message).to.equal(
      `Cannot read the configuration folder "no/such/folder" (${resolve("no/such/folder")}): ENOENT: no such file or directory, scandir 'no/such/folder'`,
    );
  });

  it("cannot pollute objects", () => {
    const dir = conf({ "default.yaml": "__proto__:\n  polluted: 1\n", "local.json": '{"__proto__": {"polluted": 1}, "a.b": {"c": 1}}' });
    expect(messages(dir)).to.have.length(3);
    expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
  });

  it("of any content at all are read or refused in one line each", () => {
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.stringMatching(/^[a{}[\]:,&*!|>'"%@#? \n-]{0,30}$/),
      fc.constantFrom("[".repeat(200), "a: &a [*a]", "? {a: 1}\n: 2", "customer-scanner: {label: &x {y: *x}}"),
    );
    fc.assert(
      fc.property(nasty, fc.constantFrom("default.yaml", "default.json"), (text, file) => {
        for (const { message } of load(conf({ [file]: text })).problems) expect(message).to.match(/^[^\n]+$/);
      }),
    );
  });
});
