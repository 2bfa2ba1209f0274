/** docs/architecture.md has the layers that are enforced, and the picture of the imports as they are. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { render } from "../../lib/index.js";
import { documentedGroups, documentedLayers, mapOfGroups } from "../support/layers.js";

describe("docs/architecture.md", () => {
  it("has the layers that boundaries.test.ts enforces", () => {
    const table = /const LAYERS = \[([^\]]+)\]/.exec(readFileSync("test/project/boundaries.test.ts", "utf8"))?.[1] ?? "";
    const enforced = [...table.matchAll(/"([^"]+)"/g)].map(([, line = ""]) => line.split(" "));
    expect(documentedLayers()).to.deep.equal(enforced);
  });

  it("says of every file of lib/ what it is, in one group", () => {
    const names = documentedGroups().flatMap(({ files }) => files);
    expect(names).to.have.members(readdirSync("lib").map((file) => file.replace(/\.ts$/, "")));
  });

  it("shows the imports as they are", async () => {
    const drawn = new TextDecoder().decode(await render(mapOfGroups(), { format: "svg" }));
    const redraw = "docs/layers.svg is not the picture of the imports; redraw it: npm run pictures";
    expect(readFileSync("docs/layers.svg", "utf8") === drawn, redraw).to.equal(true);
  });
});
