/** The jobs and what they say of the pieces they migrate. */
import { expect } from "chai";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { MemoryMigration, upTo, type MemoryMigrate, type MemoryPage } from "../../../support/memory-migration.js";

describe("migrator", () => {
  let memory: MemoryMigration;
  beforeEach(async () => (memory = await MemoryMigration.open()));
  afterEach(() => memory.close());

  it("fails alone where one piece throws, whatever is thrown", async () => {
    const migrate: MemoryMigrate = (id, _, usual) => {
      if (id === 4) throw new TypeError("no address");
      if (id === 6) throw "a text";
      if (id === 8) return { kind: "failed" as const, error: undefined };
      return usual();
    };
    const { counts, error, board } = await memory.run({ source: upTo(20), migrate }, "overseer/processes=1");
    expect([counts, error]).to.eql([{ ...NO_COUNTS, migrated: 17, failed: 3 }, undefined]);
    expect(await memory.failed()).to.eql([4, 6, 8]);
    expect(await memory.state()).to.have.property("complete", true);
    expect(board.updates.findLast(({ detail }) => detail)?.detail).to.equal("17 migrated · 3 failed");
  });

  it("says of a dry run what it would do", async () => {
    const { board } = await memory.run({ source: upTo(3) }, "overseer/processes=1", "overseer/dry-run=true");
    expect(board.updates.findLast(({ detail }) => detail)?.detail).to.equal("3 would migrate");
  });

  it("says what it does in the words of the original", async () => {
    const migrate: MemoryMigrate = (_id, { say }) => {
      say("Migrating");
      return { kind: "migrated" };
    };
    const { board } = await memory.run({ source: upTo(1), migrate }, "overseer/processes=1");
    expect(board.lines.filter((line) => line.startsWith("Process # 1: "))).to.eql([
      "Process # 1: Waiting for numbers to migrate",
      "Process # 1: Checking number 1",
      "Process # 1: Migrating number 1",
      "Process # 1: Waiting for numbers to migrate",
      "Process # 1: Done",
    ]);
  });

  it("is told the run and its beginning, the same ones over an interruption", async () => {
    const seen = new Set<string>();
    const migrate: MemoryMigrate = (_id, { run, startedAt, dry }, usual) => {
      seen.add(`${run} ${startedAt.toISOString()} ${dry}`);
      return usual();
    };
    const page: MemoryPage = ({ after }, usual) => {
      if (after === 2) throw new Error("broken");
      return usual();
    };
    const first = await memory.run({ source: upTo(5), migrate, page }, "scanner/fetch-size=2");
    expect(first.error).to.be.instanceOf(Error);
    await memory.run({ source: upTo(5), migrate });
    expect([...seen]).to.have.length(1);
    expect([...seen][0]).to.match(new RegExp(`^${first.run} .*Z false$`));
  });

  it("lines up the numbers of the jobs", async () => {
    const { board } = await memory.run({ source: [] }, "overseer/processes=10");
    expect(board.lines).to.include.members(["Process #  1: Done", "Process # 10: Done"]);
  });
});
