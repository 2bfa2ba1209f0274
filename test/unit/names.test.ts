/** Names that break careless code, all the way: system, start, settings, map, events, errors. */
import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { formatConfiguration, settingsHelp, type ConfigSource } from "../../lib/config.js";
import { component } from "../../lib/component.js";
import { StartError, StopError, type MillraceError } from "../../lib/errors.js";
import { all, config, group, key, opt, schema, type Key } from "../../lib/key.js";
import type { Running } from "../../lib/running.js";
import { render } from "../../lib/render.js";
import { System } from "../../lib/system.js";
import { printable } from "../../lib/wording.js";
import { standIn } from "../../components/testing/index.js";
import { journal } from "../support/journal.js";
import { rejection } from "../support/outcome.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const NAMES = [
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "then", "length", "prototype"],
  ...['he said "no"', "it's", "`tick`", "a\\b", "a.b", "a/b", "/", "[0]", "--help", "-->", "$&", "${x}", "%s", "# no comment", ": "],
  ...["two\nlines", "carriage\r\nreturn", "tab\tin", "\u0000", "\u001b[31mred", "\u202egnp.exe", "line\u2028separator", "\ud800 half"],
  ...["<b>&amp;</b>", "]]>", "all(x)", "ключ", "键", "n\u0303", "👩‍👩‍👧", " spaced ", "customerScanner", "Customer-Scanner", "x".repeat(1_000)],
];
const SILENT = { environment: {} };
const cause = new Error("boom");
const boom = () => {
  throw cause;
};
const keyOf = (name: string): Key<unknown> => key<unknown>()(name);
const settings = config(schema({ fetchSize: { doc: "rows", format: "positive", default: 1 } }));
const owner = (name: string) =>
  component(keyOf(name), { needs: { settings }, in: [group<unknown>(name)], start: (needs) => `${needs.settings.fetchSize} rows` });
/** Needs it under its own name, as an optional one, and as the member of a group. */
const user = (name: string) =>
  component(keyOf("the user"), {
    needs: { [name]: keyOf(name), maybe: opt(keyOf(name)), group: all(group<unknown>(name)) },
    start: (needs) => needs,
  });
const both = (name: string) => System.of([owner(name), user(name)]);

/** Nothing in it breaks a line, moves the cursor or turns the direction of what follows. */
const SAFE = /^[^\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]*$/u;
function expectSafe(text: string, lines: number): void {
  const found = text.split("\n");
  for (const line of found) expect(line).to.match(SAFE);
  expect(found, text).to.have.lengthOf(lines);
}

for (const name of NAMES) {
  describe(`a component with the name ${name.length > 40 ? "of 1,000 letters" : printable(name)}`, () => {
    it("starts, is given to others, restarts, is chosen, replaced and stopped", async () => {
      const app = both(name);
      const { log, onEvent } = journal();
      const running = await app.start({ config: SILENT, onEvent });
      const received = running.get(keyOf("the user")) as Record<string, unknown>;
      expect(Object.keys(received)).to.have.members([name, "maybe", "group"]);
      expect([received[name], received.maybe, received.group]).to.deep.equal(["1 rows", "1 rows", ["1 rows"]]);
      expect(running.get(keyOf(name))).to.equal("1 rows");
      await running.restart(keyOf(name));
      expect(running.state(keyOf(name))).to.equal("started");
      await running.stop();
      expect(log.slice(0, 4)).to.deep.equal([`starting ${name}`, `started ${name}`, "starting the user", "started the user"]);
      expect(log.slice(-2)).to.deep.equal([`stopping ${name}`, `stopped ${name}`]);
      expect(app.only(keyOf(name)).size).to.equal(1);
      await using replaced = await app.replace(keyOf(name), "another").start({ config: SILENT });
      expect((replaced.get(keyOf("the user")) as Record<string, unknown>)[name]).to.equal("another");
    });

    it("has its own settings, from values, files and arguments", async () => {
      const folder = await temporaryFolder();
      try {
        await writeFile(folder.file("default.json"), `{ ${JSON.stringify(name).replace("\u2028", "\\u2028")}: { "fetch-size": 3 } }`);
        const sources: readonly (readonly [ConfigSource, number])[] = [
          [{ values: { [name]: { fetchSize: 2 } } }, 2],
          [{ dir: folder.path }, 3],
          [{ overrides: [`${name}/fetch-size=4`] }, 4],
        ];
        for (const [source, size] of sources) {
          const app = both(name);
          await using running = await app.start({ config: { ...SILENT, ...source } });
          expect(running.get(keyOf(name))).to.equal(`${size} rows`);
          const { configuration } = app.configuration({ ...SILENT, ...source });
          expect(configuration.settings).to.have.lengthOf(1).and.to.have.nested.property("[0].section", name);
          expectSafe(formatConfiguration(configuration), 2);
          expectSafe(settingsHelp(app.sections(), configuration), 1);
        }
      } finally {
        await folder.remove();
      }
    });

    it("stands on the map, in a line of its own", async () => {
      await using running = await both(name).start({ config: SILENT });
      for (const map of [both(name).map(), running.map()]) {
        expect((JSON.parse(map.json()) as typeof map.model).nodes.map((node) => node.name)).to.deep.equal([name, "the user"]);
        expectSafe(map.text(), map.model.totals ? 5 : 4);
      }
      expectSafe(
        System.of([user(name)])
          .map()
          .text(),
        3,
      );
    });

    it("is named by every error as it is, in one line of the message", async () => {
      const failed = async (starting: Promise<Running>) => (await rejection(starting)) as MillraceError;
      const start = await failed(System.of([component(keyOf(name), { start: boom }), user(name)]).start());
      expect(start).to.be.instanceOf(StartError).and.to.include({ component: name, cause });
      expect(start.path).to.deep.equal(["the user", name]);
      expectSafe(start.message, 2);
      const late = component(keyOf(name), { timeoutMs: { start: 1 }, start: () => new Promise(() => {}) });
      expectSafe(((await failed(System.of([late]).start())).cause as Error).message, 1);
      const stop = (await rejection(
        (await System.of([component(keyOf(name), { start: () => 1, stop: boom })]).start()).stop(),
      )) as StopError;
      expect(stop.components).to.deep.equal([name]);
      expectSafe(stop.message, 1);
      expect(() => standIn<{ ask?: unknown; other(): void }>(name, {}).other())
        .to.throw()
        .with.property("component", name);
    });

    it("is named by every problem as it is, in one line", () => {
      const itself = component(keyOf(name), { needs: { itself: keyOf(name) }, start: () => 1 });
      for (const [app, kind, overrides] of [
        [System.of([user(name)]), "missing", []],
        [System.of([itself]), "cycle", []],
        [System.of([owner(name), component(keyOf(name), { start: boom })]), "duplicate", []],
        [both(name), "config", [`${name}/fetch-sise=4`]],
        [both(name), "config", [`${name}/fetch-size=none`]],
        [both(name), "config", [`no ${name}/fetch-size=1`]],
      ] as const) {
        const problems = app.check({ ...SILENT, overrides });
        expect(problems.map((one) => one.kind)).to.deep.equal([kind]);
        expectSafe(problems[0]?.message ?? "", 1);
      }
    });
  });
}

describe("a system of all these names", () => {
  it("is drawn with one box for each", async () => {
    const parts = NAMES.map((name) => component(keyOf(name), { in: [group<unknown>("all")], start: () => name }));
    const last = component(keyOf("last"), { needs: Object.fromEntries(NAMES.map((name) => [name, keyOf(name)])), start: Object.keys });
    const app = System.of([...parts, last]);
    await using running = await app.start();
    expect(running.get(keyOf("last"))).to.have.members(NAMES);
    const svg = new TextDecoder().decode(await render(running.map(), { format: "svg" }));
    expect(svg.match(/class="node"/g)).to.have.lengthOf(NAMES.length + 2);
    expect(svg.match(/class="edge"/g)).to.have.lengthOf(2 * NAMES.length);
    for (const line of svg.split("\n")) expect(line).to.match(SAFE);
  });
});

describe("a setting", () => {
  const field = { doc: "rows", format: "positive", default: 1 } as const;
  const part = (name: string) =>
    component(keyOf("part"), { needs: { its: config({ [name]: field }) }, start: ({ its }) => (its as Record<string, unknown>)[name] });

  for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf", "then", "length", "prototype", "default"]) {
    it(`may be called ${name}`, async () => {
      const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      for (const source of [{ values: { part: { [name]: 2 } } }, { overrides: [`part/${kebab}=2`] }]) {
        await using running = await System.of([part(name)]).start({ config: { ...SILENT, ...source } });
        expect(running.get(keyOf("part"))).to.equal(2);
      }
      expect(await valueOf(part(name))).to.equal(1);
    });
  }

  for (const name of ["__proto__", "a.b", "a/b", "two\nlines", "ключ", ""]) {
    it(`may not be called ${JSON.stringify(name)}: the problem says so in one line`, () => {
      const [problem, ...others] = System.of([part(name)]).check(SILENT);
      expect(others).to.deep.equal([]);
      expect(problem?.message).to.include("has no camelCase name");
      expectSafe(problem?.message ?? "", 1);
    });
  }

  const valueOf = async (one: ReturnType<typeof part>) => {
    await using running = await System.of([one]).start({ config: SILENT });
    return running.get(keyOf("part"));
  };
});
