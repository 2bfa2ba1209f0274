/** What is applied and undone, of files and records in every relation to each other. */
import { expect } from "chai";
import fc from "fast-check";
import { MigrationFileError } from "../../../../lib/index.js";
import { statusOf, toApply, toUndo } from "../../../../components/migration/changelog-plan.js";
import type { ChangelogEntry } from "../../../../components/migration/changelog-store.js";

const at = new Date("2026-11-21T18:00:00Z");
const files = (...names: string[]) => names.map((name) => ({ name, hash: `hash of ${name}` }));
const entry = (_id: string, fields: Partial<ChangelogEntry> = {}): ChangelogEntry => ({
  _id,
  hash: `hash of ${_id}`,
  state: "applied",
  startedAt: at,
  by: "anna on web-1",
  ...fields,
});
/** Applied in this order, one block each. */
const applied = (...names: string[]) => names.map((name, index) => entry(name, { number: index + 1, block: index + 1 }));
const names = (chosen: readonly { readonly name: string }[]) => chosen.map(({ name }) => name);
const refusal = (choose: () => unknown): MigrationFileError => {
  try {
    choose();
  } catch (error) {
    return error as MigrationFileError;
  }
  return expect.fail("chose something");
};

describe("the plan of migration files", () => {
  it("applies whatever is not applied, also what comes late and what failed, in order of names", () => {
    const failed = entry("3-c.js", { state: "failed", hash: "other" });
    expect(names(toApply(files("1-a.js", "2-b.js", "3-c.js", "4-d.js"), [...applied("2-b.js"), failed], {}))).to.eql([
      "1-a.js",
      "3-c.js",
      "4-d.js",
    ]);
  });

  it("applies up to and with a name, nothing where that is applied already", () => {
    const all = files("1-a.js", "2-b.js", "3-c.js");
    expect(names(toApply(all, [], { to: "2-b.js" }))).to.eql(["1-a.js", "2-b.js"]);
    expect(names(toApply(all, applied("1-a.js", "2-b.js"), { to: "b" }))).to.eql([]);
  });

  it("takes a name for the whole file, then without its ending, then without its number", () => {
    const all = files("1-2-b.js", "2-b.js", "3-b.cjs", "4-c.js", "4-c.mjs");
    expect(names(toApply(all, [], { to: "2-b.js" })).at(-1)).to.equal("2-b.js");
    expect(names(toApply(all, [], { to: "2-b" })).at(-1)).to.equal("2-b.js");
    expect(refusal(() => toApply(all, [], { to: "b" })).message).to.equal(
      'Several migrations are called "b"\n  fix:  name one of them: 2-b.js, 3-b.cjs',
    );
    expect(refusal(() => toApply(all, [], { to: "4-c" })).message).to.contain("4-c.js, 4-c.mjs");
  });

  it("refuses all that were edited in one error, and first what has no end, then what is gone", () => {
    const edited = applied("1-a.js", "2-b.js").map((one) => ({ ...one, hash: "other" }));
    const gone = entry("0-z.js");
    const open = entry("3-c.js", { state: "running", direction: "up" });
    const all = files("1-a.js", "2-b.js", "3-c.js");
    const error = refusal(() => toApply(all, edited, {}));
    expect(error).to.be.instanceOf(MigrationFileError).and.include({ code: "MIGRATION_FILE", file: "1-a.js" });
    expect(error.notes).to.eql(['also: Migration "2-b.js" was edited after it was applied']);
    expect(refusal(() => toApply(all, [...edited, gone], {})).file).to.equal("0-z.js");
    expect(refusal(() => toApply(all, [...edited, gone, open], {})).file).to.equal("3-c.js");
    expect(refusal(() => toUndo(all, [...edited, gone, open], {})).file).to.equal("3-c.js");
  });

  it("undoes nothing where nothing is applied, and refuses a name that is not", () => {
    expect(toUndo(files("1-a.js"), [], {})).to.eql([]);
    expect(refusal(() => toUndo(files("1-a.js"), [], { to: "a" })).message).to.contain('"1-a.js" is not applied');
    expect(toUndo(files("1-a.js"), [], { block: true })).to.eql([]);
  });

  it("cares only for the files that it undoes", () => {
    const edited = { ...entry("1-a.js", { number: 1 }), hash: "other" };
    const all = [edited, entry("2-gone.js", { number: 2 }), entry("3-c.js", { number: 3 })];
    expect(names(toUndo(files("1-a.js", "3-c.js"), all, {}))).to.eql(["3-c.js"]);
    expect(refusal(() => toUndo(files("1-a.js", "3-c.js"), all, { to: "a" })).file).to.equal("2-gone.js");
  });

  it("says how each stands", () => {
    const records = [
      ...applied("1-a.js", "2-b.js", "3-c.js"),
      entry("4-d.js", { state: "failed", error: "no room" }),
      entry("5-e.js", { state: "running", direction: "up" }),
      entry("8-h.js", { error: "down: in use" }),
    ].map((one) => (one._id === "2-b.js" ? { ...one, hash: "other" } : one));
    const all = files("1-a.js", "2-b.js", "5-e.js", "6-f.js", "8-h.js");
    const short = (isUnderWay: boolean) =>
      statusOf(all, records, isUnderWay).map(({ name, state, note }) => `${name} ${state}${note ? `: ${note}` : ""}`);
    expect(short(false)).to.eql([
      "1-a.js applied",
      "2-b.js changed: the file was edited after that",
      "3-c.js missing: the file is gone",
      "4-d.js failed: no room; the file is gone",
      "5-e.js unfinished: up was begun, and its end was not recorded",
      "6-f.js pending",
      "8-h.js applied: down: in use",
    ]);
    expect(short(true)[4]).to.equal("5-e.js running");
  });

  it("applies each once and undoes in reverse, whatever is applied and undone in whatever order", () => {
    const pool = ["1-a.js", "2-b.js", "3-c.js", "4-d.js", "5-e.js"];
    const action = fc.record({ isUp: fc.boolean(), name: fc.constantFrom(...pool), there: fc.subarray(pool, { minLength: 1 }) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
        const there = new Set<string>();
        let stack: string[] = [];
        let records: ChangelogEntry[] = [];
        for (const { isUp, name, there: more } of actions) {
          for (const one of more) there.add(one);
          const all = files(...[...there].sort());
          if (isUp) {
            const to = there.has(name) ? name : undefined;
            const chosen = names(toApply(all, records, { to }));
            expect(chosen).to.eql(names(all).filter((one) => !stack.includes(one) && (to === undefined || one <= to)));
            for (const one of chosen) records = [...records, entry(one, { number: stack.push(one) })];
          } else {
            const to = stack.includes(name) ? name : undefined;
            const chosen = names(toUndo(all, records, { to }));
            const expected = to === undefined ? stack.slice(-1) : stack.slice(stack.indexOf(to)).reverse();
            expect(chosen).to.eql(expected);
            stack = stack.filter((one) => !chosen.includes(one));
            records = records.filter(({ _id }) => !chosen.includes(_id));
          }
        }
      }),
    );
  });
});
