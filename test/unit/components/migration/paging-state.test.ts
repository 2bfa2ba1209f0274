/** The paging state on a real disk. */
import { expect } from "chai";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { MigrationStateError } from "../../../../lib/index.js";
import { NO_COUNTS } from "../../../../components/migration/outcome.js";
import { readPagingState, removePagingState, writePagingState, type PagingState } from "../../../../components/migration/paging-state.js";
import { rejection } from "../../../support/outcome.js";
import { temporaryFolder, type TemporaryFolder } from "../../../support/temporary-folder.js";

const state: PagingState = {
  source: "customers",
  run: "r1",
  startedAt: "2024-05-01T00:00:00.000Z",
  after: { $oid: "6740b1f2aabbccddeeff009c" },
  counts: { ...NO_COUNTS, migrated: 7, failed: 1 },
  lengths: { "migrated.txt": 175 },
  complete: false,
};

describe("paging state", () => {
  let folder: TemporaryFolder;
  let path: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    path = folder.file("deep/down/state.json");
  });
  afterEach(() => folder.remove());

  const whole = (): Record<string, unknown> => ({ format: 1, ...state });
  const written = async (text: string) => {
    path = folder.file("state.json");
    await writeFile(path, text);
  };
  const refusal = async (source = "customers") => {
    const error = await rejection(readPagingState(path, source));
    expect(error).to.be.instanceOf(MigrationStateError);
    return (error as Error).message;
  };

  it("comes back as it was written, in a folder that was not there", async () => {
    await writePagingState(path, state);
    expect(await readPagingState(path, "customers")).to.deep.include(state);
  });

  it("is undefined where there is none, also after it was removed, and removing nothing is fine", async () => {
    expect(await readPagingState(path, "customers")).to.equal(undefined);
    await writePagingState(path, state);
    await removePagingState(path);
    await removePagingState(path);
    expect(await readPagingState(path, "customers")).to.equal(undefined);
  });

  it("replaces the one before in one step and leaves nothing else behind", async () => {
    await writePagingState(path, state);
    await writePagingState(path, { ...state, complete: true });
    expect((await readPagingState(path, "customers"))?.complete).to.equal(true);
    expect(await readdir(folder.file("deep/down"))).to.eql(["state.json"]);
  });

  it("is whole while it is replaced over and over", async () => {
    await writePagingState(path, state);
    let isWriting = true;
    const writing = (async () => {
      for (let round = 0; round < 40; round++) await writePagingState(path, { ...state, run: `r${round}`, source: "customers" });
      isWriting = false;
    })();
    let reads = 0;
    for (; isWriting; reads++) expect((await readPagingState(path, "customers"))?.counts.migrated).to.equal(7);
    await writing;
    expect(reads).to.be.greaterThan(0);
  });

  it("survives what a crash left of the next one", async () => {
    await writePagingState(path, state);
    await writeFile(`${path}.next`, `{"form`);
    expect((await readPagingState(path, "customers"))?.run).to.equal("r1");
    await writePagingState(path, { ...state, run: "r2" });
    expect((await readPagingState(path, "customers"))?.run).to.equal("r2");
  });

  it("is refused where it was made for another source, naming both", async () => {
    await writePagingState(path, state);
    expect(await refusal("orders")).to.match(
      /is of another source: customers, not orders\n {2}fix: {2}--reset forgets it.*; with another paging-state-path/,
    );
  });

  it("of another source is no matter where its run is complete", async () => {
    await writePagingState(path, { ...state, complete: true });
    expect(await readPagingState(path, "orders")).to.include({ source: "customers", complete: true });
  });

  it("is refused where it is cut off anywhere", async () => {
    const text = JSON.stringify(whole());
    for (const length of [0, 1, Math.floor(text.length / 2), text.length - 1]) {
      await written(text.slice(0, length));
      expect(await refusal(), `${length} characters`).to.match(/is damaged\n {2}fix: {2}--reset forgets it/);
    }
  });

  it("is refused where a field is absent or of another type, or the format is another", async () => {
    const broken = [
      ...["format", "source", "run", "startedAt", "counts", "lengths", "complete"].map((name) => ({ ...whole(), [name]: undefined })),
      { ...whole(), format: 2 },
      { ...whole(), counts: { migrated: 1 } },
      { ...whole(), counts: { ...state.counts, failed: 1.5 } },
      { ...whole(), lengths: null },
      { ...whole(), complete: "no" },
      null,
      [],
      "text",
    ];
    for (const one of broken) {
      await written(JSON.stringify(one));
      expect(await refusal(), JSON.stringify(one)).to.contain("is damaged");
    }
  });

  it("says which file cannot be read", async () => {
    path = folder.file("state.json");
    await mkdir(path);
    expect(await refusal()).to.match(/^Cannot read the paging state in ".*state\.json": EISDIR/);
  });

  it("says which file cannot be written, and what to set", async () => {
    await writeFile(folder.file("deep"), "in the way");
    const error = await rejection(writePagingState(path, state));
    expect(error).to.be.instanceOf(MigrationStateError);
    expect((error as Error).message).to.match(
      /^Cannot write the paging state into ".*state\.json": E[A-Z]+.*\n {2}fix: {2}set paging-state-path/,
    );
  });
});
