import { expect } from "chai";
import { stat, writeFile } from "node:fs/promises";
import { makeFolder } from "../../lib/folder.js";
import { rejection } from "../support/outcome.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

describe("making a folder", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  it("makes what is missing above it, and leaves what is there", async () => {
    await makeFolder(folder.file("a/b/c"));
    await makeFolder(folder.file("a/b/c"));
    expect((await stat(folder.file("a/b/c"))).isDirectory()).to.equal(true);
  });

  it("is made by many at once", async () => {
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(folder.file("x/y/z"))));
    expect((await stat(folder.file("x/y/z"))).isDirectory()).to.equal(true);
  });

  it("says why it cannot, below a file", async () => {
    await writeFile(folder.file("plain"), "");
    expect(await rejection(makeFolder(folder.file("plain/a")))).to.have.property("code", "ENOTDIR");
  });

  it("ends where nothing can be made", async function () {
    if (process.platform !== "linux") this.skip();
    expect(await rejection(makeFolder("/proc/x/y"))).to.have.property("code", "ENOENT");
  });
});
