/** The example quick-start, and the README that begins with it. */
import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { built } from "../support/examples.js";
import { runNode } from "../support/run-node.js";
import { snippetsOf } from "../support/snippets.js";

const OUTPUT = "rye, ground in 3 turns\nthe mill is swept\nthe wheel rests\n";

describe("quick-start", () => {
  it("does its work, then stops in reverse", async () => {
    expect(await runNode([built("quick-start/main.js")])).to.deep.equal({ exitCode: 0, stdout: OUTPUT, stderr: "" });
  });

  for (const document of ["README.md", "examples/quick-start/README.md"]) {
    it(`is what ${document} shows first, with its output`, async () => {
      const [first] = snippetsOf(document);
      expect(first?.code).to.equal(await readFile("examples/quick-start/main.ts", "utf8"));
      expect(first?.output, "is it marked with <!-- run -->?").to.equal(OUTPUT);
    });
  }
});
