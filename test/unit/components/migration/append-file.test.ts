/** Files of lines on a real disk. */
import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { MigrationInputError } from "../../../../lib/index.js";
import { AppendFile } from "../../../../components/migration/append-file.js";
import { rejection } from "../../../support/outcome.js";
import { temporaryFolder, type TemporaryFolder } from "../../../support/temporary-folder.js";

describe("append file", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  const opened = async (length?: number, name = "log.txt") => AppendFile.open(folder.file(name), "migrator/log-file", length);
  const appended = async (length: number | undefined, ...lines: string[]) => {
    const file = await opened(length);
    await file.append(lines);
    await file.sync();
    await file.close();
    return { length: file.length, text: await folder.text("log.txt") };
  };

  it("makes the file and its folder", async () => {
    await (await opened(undefined, "deep/down/log.txt")).close();
    expect(await folder.text("deep/down/log.txt")).to.equal("");
  });

  it("appends each text as a line and counts bytes, not characters", async () => {
    expect(await appended(undefined, "Zürich", "b")).to.eql({ length: 10, text: "Zürich\nb\n" });
  });

  it("keeps what was there where no length is known", async () => {
    await writeFile(folder.file("log.txt"), "a\n");
    expect(await appended(undefined, "b")).to.eql({ length: 4, text: "a\nb\n" });
  });

  it("cuts off what a crash left behind the known length", async () => {
    await writeFile(folder.file("log.txt"), "a\nb\nha");
    expect(await appended(2, "c")).to.eql({ length: 4, text: "a\nc\n" });
  });

  it("goes on at the end of a file that has become shorter than it was", async () => {
    await writeFile(folder.file("log.txt"), "a\n");
    expect(await appended(100, "b")).to.eql({ length: 4, text: "a\nb\n" });
  });

  it("writes nothing for no lines", async () => {
    expect(await appended(undefined)).to.eql({ length: 0, text: "" });
  });

  it("says which file cannot be written, and which setting names it", async () => {
    await mkdir(folder.file("log.txt"));
    const error = await rejection(opened());
    expect(error).to.be.instanceOf(MigrationInputError);
    expect((error as Error).message).to.match(
      /^Cannot write ".*log\.txt" \(migrator\/log-file\): EISDIR.*\n {2}fix: {2}set migrator\/log-file/,
    );
  });
});
