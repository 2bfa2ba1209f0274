import { expect } from "chai";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { mock } from "node:test";
import { withProgress } from "../../../../components/embedded/fetch-progress.js";
import { rejection } from "../../../support/outcome.js";

describe("withProgress", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fetch-progress-"));
    mock.timers.enable({ apis: ["setInterval"] });
  });
  afterEach(async () => {
    mock.timers.reset();
    await rm(folder, { recursive: true });
  });

  const recorder = () => {
    const lines: string[] = [];
    let told = () => {};
    const info = (_fields: object, line: string) => {
      lines.push(line);
      told();
    };
    const nextLine = () => new Promise<void>((resolve) => (told = resolve));
    const quiet = () => {};
    return { lines, nextLine, log: { debug: quiet, warn: quiet, error: quiet, info } };
  };

  it("says what, how much and where to, then each second how far it is, never more than all", async () => {
    const { lines, nextLine, log } = recorder();
    const second = async (name: string, bytes: number) => {
      await writeFile(join(folder, "deep", name), Buffer.alloc(bytes));
      const line = nextLine();
      mock.timers.tick(1_000);
      await line;
    };
    await mkdir(join(folder, "deep"));

    const result = await withProgress(log, "mongod", folder, 2_000_000, async () => {
      await second("one", 1_000_000);
      await second("two", 500_000);
      await second("three", 5_000_000);
      return "done";
    });
    mock.timers.tick(5_000);

    expect(result).to.equal("done");
    expect(lines).to.deep.equal([
      `Fetching mongod: 2 MB, once, into ${dirname(folder)}`,
      "Fetching mongod: 1 of 2 MB (50 %)",
      "Fetching mongod: 2 of 2 MB (75 %)",
      "Fetching mongod: 2 of 2 MB (100 %)",
    ]);
  });

  it("ends its lines where the download fails", async () => {
    const { lines, log } = recorder();
    const error = new Error("cut off");
    expect(await rejection(withProgress(log, "mongod", folder, 1, () => Promise.reject(error)))).to.equal(error);
    mock.timers.tick(5_000);
    expect(lines).to.have.length(1);
  });
});
