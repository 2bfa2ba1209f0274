/** Files of ids as people write them. */
import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { ObjectId } from "mongodb";
import { MigrationInputError } from "../../../../lib/index.js";
import { plainIds } from "../../../../components/migration/ids.js";
import { firstOdd, readIdsFile } from "../../../../components/migration/ids-file.js";
import { mongoIds } from "../../../../components/migration/mongo-ids.js";
import { rejection } from "../../../support/outcome.js";
import { temporaryFolder, type TemporaryFolder } from "../../../support/temporary-folder.js";

describe("ids file", () => {
  let folder: TemporaryFolder;
  before(async () => (folder = await temporaryFolder()));
  after(() => folder.remove());

  const read = async (text: string, like: string | number = 1) => {
    await writeFile(folder.file("ids.txt"), text);
    return readIdsFile(folder.file("ids.txt"), plainIds, like);
  };

  const place = (line: number) => `${folder.file("ids.txt")}, line ${line}`;

  it("gives each id in the order of its line", async () => {
    expect(await read("3\n1\n2\n")).to.eql({ ids: [3, 1, 2], odd: [] });
  });

  it("does not mind CRLF, a byte order mark, blanks around an id and a missing last newline", async () => {
    expect(await read("\uFEFF3\r\n 1\t\r\n2")).to.eql({ ids: [3, 1, 2], odd: [] });
  });

  it("ignores comments", async () => {
    expect(await read("# of Tuesday\n3\n  # more\n1\n")).to.eql({ ids: [3, 1], odd: [] });
  });

  it("reports blank lines with file and number, and goes on", async () => {
    expect(await read("3\n\n1\n  \n")).to.eql({ ids: [3, 1], odd: [`${place(2)}: blank`, `${place(4)}: blank`] });
  });

  it("takes a duplicate once and names both lines", async () => {
    expect(await read("3\n1\n3\n3\n")).to.eql({
      ids: [3, 1],
      odd: [`${place(3)}: 3 is a duplicate of line 1`, `${place(4)}: 3 is a duplicate of line 1`],
    });
  });

  it("reports what is no id of the source's type, cut to a readable length", async () => {
    expect(await read(`3\nabc\n${"x".repeat(100)}\n`, 7)).to.eql({
      ids: [3],
      odd: [`${place(2)}: "abc" is no id like 7`, `${place(3)}: "${"x".repeat(60)}" is no id like 7`],
    });
  });

  it("takes two ways to write an ObjectId for one id", async () => {
    const id = "6740b1f2aabbccddeeff009c";
    await writeFile(folder.file("ids.txt"), `${id}\n${id.toUpperCase()}\n123456789012\n`);
    expect(await readIdsFile<ObjectId>(folder.file("ids.txt"), mongoIds<ObjectId>(), new ObjectId(id))).to.eql({
      ids: [new ObjectId(id)],
      odd: [`${place(2)}: ${id} is a duplicate of line 1`, `${place(3)}: "123456789012" is no id like ${id}`],
    });
  });

  it("gives nothing for an empty file, and reports nothing", async () => {
    expect(await read("")).to.eql({ ids: [], odd: [] });
    expect(await read("\uFEFF")).to.eql({ ids: [], odd: [] });
  });

  it("names the first twenty odd lines, and says how many more there are", () => {
    const odd = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}: blank`);
    expect(firstOdd(odd(20))).to.eql(odd(20));
    expect(firstOdd(odd(21))).to.eql([...odd(20), "and 1 more odd line"]);
    expect(firstOdd(odd(1_500)).at(-1)).to.equal("and 1,480 more odd lines");
  });

  it("says which file is missing or is none", async () => {
    const missing = await rejection(readIdsFile(folder.file("nowhere.txt"), plainIds, 1));
    expect(missing).to.be.instanceOf(MigrationInputError);
    expect((missing as Error).message).to.match(/^Cannot read the ids in ".*nowhere\.txt": ENOENT.*\n {2}fix: {2}name a file with one id/);
    const none = await rejection(readIdsFile(folder.path, plainIds, 1));
    expect((none as Error).message).to.match(/^Cannot read the ids in .*EISDIR/);
  });
});
