/** The page on db-migrate tells of every setting and every file. */
import { expect } from "chai";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { built } from "../support/examples.js";
import { runNode } from "../support/run-node.js";

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name);

describe("the README of db-migrate", () => {
  let page: string;
  before(async () => (page = await readFile("examples/db-migrate/README.md", "utf8")));

  it("lists exactly the settings that there are", async () => {
    const { stdout } = await runNode([built("db-migrate/main.js"), "--config"]);
    const settings = matches(stdout, /^ +([a-z-]+\/[a-z-]+) /gm);
    expect(settings).not.to.have.lengthOf(0);
    expect(matches(page, /^\| `([a-z-]+\/[a-z-]+)` \|/gm)).to.have.members(settings);
  });

  it("lists exactly the files that there are", () => {
    const files = readdirSync("examples/db-migrate").filter((file) => file.endsWith(".ts"));
    expect(matches(page, /^\| \[.*\]\((\w.*\.ts)\)/gm)).to.have.members(files);
  });
});
