/** The parts of the example custom-migration, and what its page says of them. */
import { expect } from "chai";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { component, firstLine, system } from "../../lib/index.js";
import { StatusBoard } from "../../components/index.js";
import type { MigrationReport } from "../../components/migration/index.js";
import { CustomerFile, customerFile } from "../../examples/custom-migration/customer-file.js";
import { customerOf, stored } from "../../examples/custom-migration/customer.js";
import { linesOf, settle } from "../../examples/custom-migration/dead-letters.js";
import { lineNumbers } from "../../examples/custom-migration/line-numbers.js";
import { built } from "../support/examples.js";
import { rejection } from "../support/outcome.js";
import { recordingBoard } from "../support/recording-board.js";
import { runNode } from "../support/run-node.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

describe("the example custom-migration", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  describe("a customer", () => {
    const ADA = { id: "c-1", name: "Ada", email: "ada@example.org", since: "2020-02-29" };

    it("is what its line says, and has a date in MongoDB", () => {
      const imported = { run: "r", at: new Date(0), line: 7, digest: "d" };
      expect(customerOf(JSON.stringify({ ...ADA, more: 1 }))).to.deep.equal(ADA);
      expect(stored(ADA, imported)).to.deep.equal({
        _id: "c-1",
        name: "Ada",
        email: "ada@example.org",
        since: new Date("2020-02-29T00:00:00Z"),
        imported,
      });
    });

    for (const [fields, reason] of [
      [{ email: undefined }, "email is missing"],
      [{ id: 7 }, "id is 7, no text"],
      [{ name: "" }, 'name is "", no text'],
      [{ email: "ada" }, 'email "ada" has no @'],
      [{ since: "2021-02-29" }, 'since "2021-02-29" is no day'],
      [{ since: "yesterday" }, 'since "yesterday" is no day'],
    ] as const) {
      it(`is none where ${reason}`, () => {
        expect(() => customerOf(JSON.stringify({ ...ADA, ...fields }))).to.throw(TypeError, reason);
      });
    }

    it("is none of a line that is something else", () => {
      for (const line of ["null", "5", "[]"]) expect(() => customerOf(line), line).to.throw(TypeError, "id is missing");
      expect(() => customerOf('{"id":"c-1","na')).to.throw(SyntaxError);
    });
  });

  describe("the file", () => {
    const opened = async (...overrides: readonly string[]) => {
      const board = recordingBoard();
      const parts = system(component(StatusBoard, { start: () => board }), customerFile);
      const running = await parts.start({ config: { overrides } });
      return { file: running.get(CustomerFile), board, [Symbol.asyncDispose]: () => running.stop() };
    };

    it("numbers its lines as an editor does, leaves out the blank ones, and reads each alone", async () => {
      await writeFile(folder.file("lines"), '\uFEFF{"a":"ä"}\r\n\r\n  \n{"b":1}\n\n{"c":2}');
      await using one = await opened(`customer-file/path=${folder.file("lines")}`);
      const { file } = one;
      expect([file.count, file.linesAfter(0, 10), file.linesAfter(1, 1), file.linesAfter(6, 10)]).to.deep.equal([3, [1, 4, 6], [4], []]);
      expect(await Promise.all([1, 4, 6].map((line) => file.read(line)))).to.deep.equal(['{"a":"ä"}', '{"b":1}', '{"c":2}']);
      expect(await Promise.all([0, 2, 3, 5, 7].map((line) => file.read(line)))).to.deep.equal(Array(5).fill(undefined));
    });

    it("has no lines where it is empty", async () => {
      await writeFile(folder.file("empty"), "");
      await using one = await opened(`customer-file/path=${folder.file("empty")}`);
      expect([one.file.count, one.file.linesAfter(0, 10)]).to.deep.equal([0, []]);
    });

    it("is another one when it was changed, and the same under another name", async () => {
      const digestOf = async (text: string, name: string) => {
        await writeFile(folder.file(name), text);
        await using one = await opened(`customer-file/path=${folder.file(name)}`);
        return one.file.digest;
      };
      const first = await digestOf("{}\n", "one");
      expect([await digestOf("{}\n", "other"), await digestOf("{} \n", "one")]).to.deep.equal([first, await digestOf("{} \n", "third")]);
      expect(await digestOf("{} \n", "one")).not.to.equal(first);
    });

    it("that cannot be read is refused by its name", async () => {
      const missing = await rejection(opened(`customer-file/path=${folder.file("nowhere")}`));
      expect(firstLine(missing)).to.match(/Cannot read the customers in ".*nowhere": ENOENT/);
      expect(firstLine(await rejection(opened(`customer-file/path=${folder.path}`)))).to.match(/Cannot read the customers in ".*": EISDIR/);
    });
  });

  describe("the numbers of lines", () => {
    it("are read from numbers and from dead letters, and from nothing else", () => {
      expect(["78", '{"id":"78","error":"no"}'].map((text) => lineNumbers.parse(text, 1))).to.deep.equal([78, 78]);
      for (const text of ["0", "-1", "7.5", "c-12", "", '{"id":78}', '{"id":"c-12"}', '{"id":"7', "{}"])
        expect(lineNumbers.parse(text, 1), text).to.equal(undefined);
    });

    it("are the same after the paging state", () => {
      expect(lineNumbers.fromJson(lineNumbers.toJson(78))).to.equal(78);
      expect(() => lineNumbers.fromJson("78")).to.throw(TypeError);
    });
  });

  describe("dead letters", () => {
    const letter = (id: number, run: string) => JSON.stringify({ id: String(id), error: "no", run });
    const settled = async (lines: readonly string[], replayed: readonly string[], more: Partial<MigrationReport> = {}) => {
      const failedPath = folder.file("failed.ndjson");
      await writeFile(failedPath, lines.map((line) => `${line}\n`).join(""));
      await settle(replayed, { run: "second", failedPath, isInterrupted: false, error: undefined, ...more } as MigrationReport);
      return linesOf(failedPath);
    };
    const before = [letter(1, "first"), letter(2, "first"), letter(3, "first")];
    const after = [...before, letter(2, "second")];

    it("that were replayed are gone, but those that failed again", async () => {
      expect(await settled(after, before)).to.deep.equal([letter(2, "second")]);
    });

    it("that were not replayed stay", async () => {
      expect(await settled(after, ["1", " 2 ", "# 3"])).to.deep.equal([letter(3, "first"), letter(2, "second")]);
      expect(await settled(before, [])).to.deep.equal(before);
    });

    it("all stay where the replay has not come to its end", async () => {
      expect(await settled(after, before, { isInterrupted: true })).to.deep.equal(after);
      expect(await settled(after, before, { error: new Error("gone") })).to.deep.equal(after);
    });
  });

  describe("the README", () => {
    const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name);
    let page: string;
    before(async () => (page = await readFile("examples/custom-migration/README.md", "utf8")));

    it("lists exactly the settings that there are", async () => {
      const { stdout } = await runNode([built("custom-migration/main.js"), "--config"]);
      const settings = matches(stdout, /^ +([a-z-]+\/[a-z-]+) /gm);
      expect(settings).not.to.have.lengthOf(0);
      expect(matches(page, /^\| `([a-z-]+\/[a-z-]+)` \|/gm)).to.have.members(settings);
    });

    it("lists exactly the files that there are", () => {
      const files = readdirSync("examples/custom-migration").filter((file) => file.endsWith(".ts"));
      expect(matches(page, /^\| \[.*\]\((\w.*\.ts)\)/gm)).to.have.members(files);
    });

    it("shows the code as it is", async () => {
      const shown = matches(page, /^```typescript\n(.*?)^```$/gms);
      const code = await Promise.all(
        ["scanner", "migrator"].map((name) => readFile(`examples/custom-migration/customer-${name}.ts`, "utf8")),
      );
      expect(shown).to.have.length(code.length);
      for (const [index, text] of shown.entries()) expect(code[index]).to.contain(text);
    });
  });
});
