/** New migration files: their names, and what is in them. */
import { expect } from "chai";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError, MigrationFileError } from "../../../../lib/index.js";
import { createMigration } from "../../../../components/migration/index.js";
import { rejection } from "../../../support/outcome.js";
import { temporaryFolder, type TemporaryFolder } from "../../../support/temporary-folder.js";

const AT = new Date("2026-11-21T18:00:59.999Z");

describe("createMigration", () => {
  let folder: TemporaryFolder;
  let target: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    target = folder.file("below/migrations");
  });
  afterEach(() => folder.remove());

  it("numbers by the time in UTC, in a folder that it makes, and moves on where a number is taken", async () => {
    await writeFile(folder.file("package.json"), '{ "type": "module" }');
    expect(await createMigration(target, "customers", { at: AT })).to.equal(join(target, "20261121180059-customers.js"));
    await writeFile(join(target, "20261121180100-by-hand.cjs"), "");
    expect(await createMigration(target, "orders", { at: AT })).to.equal(join(target, "20261121180101-orders.js"));
    expect(await readdir(target)).to.have.length(3);
  });

  for (const [what, manifest, ending] of [
    ["a package of modules", '{ "type": "module" }', "js"],
    ["a package of type commonjs", '{ "type": "commonjs" }', "mjs"],
    ["a package without a type", '{ "keywords": ["type", "module"] }', "mjs"],
    ["a package.json that cannot be read", '{ "type": "module"', "mjs"],
  ] as const) {
    it(`ends in .${ending} in ${what}`, async () => {
      await writeFile(folder.file("package.json"), manifest);
      expect(await createMigration(target, "a", { at: AT })).to.match(new RegExp(`a\\.${ending}$`));
    });
  }

  it("copies a template as it is, with its ending where Node can load that", async () => {
    for (const [name, ending] of [
      ["own.cjs", "cjs"],
      ["own.js", "js"],
      ["own.mjs", "mjs"],
      ["own.tmpl", "mjs"],
    ] as const) {
      await writeFile(folder.file("package.json"), "{}");
      await writeFile(folder.file(name), `// ${name} {{name}}\r\n`);
      const path = await createMigration(target, "a", { template: folder.file(name), at: AT });
      expect(path).to.match(new RegExp(`a\\.${ending}$`));
      expect(await folder.text(path.slice(folder.path.length + 1))).to.equal(`// ${name} {{name}}\r\n`);
    }
  });

  for (const name of ["", "a b", "../a", "a/b", "-a", "a.b", "é", "a".repeat(101), "a\n"]) {
    it(`refuses the name ${JSON.stringify(name)}`, async () => {
      expect(await rejection(createMigration(target, name))).to.be.instanceOf(ArgumentError);
    });
  }

  it("says where it could not write", async () => {
    await writeFile(folder.file("below"), "");
    const error = await rejection(createMigration(target, "a"));
    expect(error).to.be.instanceOf(MigrationFileError);
    expect((error as Error).message).to.contain(`Cannot create the migration "a" in "${target}": `);
  });
});
