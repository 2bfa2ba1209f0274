/** `npm start -- <name>` and `npm run example:<name>`. */
import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { built, EXAMPLES } from "../support/examples.js";
import { runNode } from "../support/run-node.js";

const start = (...args: readonly string[]) => runNode([built("start.js"), ...args]);

describe("npm start", () => {
  it("runs db-migrate where no example is named, with all arguments", async () => {
    const help = await start("--help");
    expect(help).to.include({ exitCode: 0, stderr: "" });
    expect(help.stdout).to.match(/^db-migrate: /);

    const { stdout } = await start("customer-migration/processes=5", "--config");
    expect(stdout).to.match(/^ *customer-migration\/processes +5 +argument 1$/m);
  });

  for (const name of EXAMPLES) {
    it(`runs ${name} by its name, with the arguments behind it`, async () => {
      const { exitCode, stdout } = await start(name, "--help");
      expect(exitCode).to.equal(0);
      expect(stdout).to.match(new RegExp(`^${name}\\b`));
    });
  }

  it("counts arguments from the first one behind the name", async () => {
    const { stdout } = await start("db-migrate", "customer-migration/processes=5", "--config");
    expect(stdout).to.match(/^ *customer-migration\/processes +5 +argument 1$/m);
  });

  it("refuses a name that is no example, and says which there are", async () => {
    const { exitCode, stdout, stderr } = await start("db-migrat", "--help");
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: "" });
    expect(stderr).to.equal(`Unknown example "db-migrat". Did you mean "db-migrate"?\n  fix:  there are ${EXAMPLES.join(", ")}\n`);
  });

  it("is there as a script of its own for every example", async () => {
    const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };
    const own = Object.entries(scripts).filter(([name]) => name.startsWith("example:"));
    expect(Object.fromEntries(own)).to.deep.equal(
      Object.fromEntries(EXAMPLES.map((name) => [`example:${name}`, `node --enable-source-maps dist/examples/${name}/main.js`])),
    );
  });
});
