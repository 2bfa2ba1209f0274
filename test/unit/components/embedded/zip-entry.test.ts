import { expect } from "chai";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { extractEntry } from "../../../../components/embedded/zip-entry.js";

describe("extractEntry", () => {
  let folder: string;
  const inFolder = (name: string) => join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "zip-entry-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("unpacks the file whose name ends in the suffix, among others, whether packed or stored", async () => {
    const content = Buffer.from("#!/bin/sh\n".repeat(10_000));
    const files = { "a/bin/": "", "a/bin/other": "no", "a/bin/mongod": content, "a/bin/stored": content };
    await writeFile(inFolder("a.zip"), zip(files, ["a/bin/stored"]));

    await extractEntry(inFolder("a.zip"), "/bin/mongod", inFolder("mongod"));
    await extractEntry(inFolder("a.zip"), "/bin/stored", inFolder("stored"));

    expect((await readFile(inFolder("mongod"))).equals(content)).to.equal(true);
    expect((await readFile(inFolder("stored"))).equals(content)).to.equal(true);
  });

  it("reads past a comment at the end of the archive", async () => {
    await writeFile(inFolder("a.zip"), zip({ "bin/x": "here" }, [], "a comment"));
    await extractEntry(inFolder("a.zip"), "/x", inFolder("x"));
    expect(await readFile(inFolder("x"), "utf8")).to.equal("here");
  });

  it("rejects where the archive has no such file, and where it is no archive", async () => {
    await writeFile(inFolder("a.zip"), zip({ "bin/x": "here" }));
    await writeFile(inFolder("b.zip"), "an error page".repeat(100));
    expect(await failure(extractEntry(inFolder("a.zip"), "/bin/mongod", inFolder("y")))).to.include('holds no file "/bin/mongod"');
    expect(await failure(extractEntry(inFolder("b.zip"), "/bin/mongod", inFolder("y")))).to.equal("not a zip archive");
  });
});

function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no failure",
    (error: Error) => error.message,
  );
}

function zip(files: Record<string, string | Buffer>, stored: readonly string[] = [], comment = ""): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const isStored = stored.includes(name);
    const packed = isStored ? content : deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(isStored ? 0 : 8, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    entries.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, rest, Buffer.from(name));
    const local = [Buffer.from("PK\x03\x04", "latin1"), common, Buffer.from(name), packed];
    locals.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, directory, end, Buffer.from(comment)]);
}
