/** What may stand in a list of needs. */
import { expect } from "chai";
import { ArgumentError } from "../../lib/errors.js";
import { all, config, group, key, opt, schema } from "../../lib/key.js";

describe("key", () => {
  it("carries its name and cannot be changed", () => {
    const Db = key<number>()("db");
    expect(Db).to.deep.equal({ kind: "key", name: "db" });
    expect(Db).to.be.frozen;
  });

  for (const name of ["", "  ", undefined, 5]) {
    it(`refuses ${JSON.stringify(name) ?? "undefined"} as a name`, () => {
      expect(() => key<number>()(name as string)).to.throw(ArgumentError, "Expected `name` to be a text that is not empty, got");
      expect(() => group<number>(name as string)).to.throw(ArgumentError, "Expected `name` to be a text that is not empty, got");
    });
  }
});

describe("a need", () => {
  it("is made optional by opt, of a key or of a class", () => {
    class Cache {}
    expect(opt(Cache)).to.deep.equal({ kind: "opt", of: Cache });
    expect(opt(key<number>()("db")).of.name).to.equal("db");
  });

  it("asks for a whole group by all", () => {
    const Routes = group<string>("routes");
    expect(all(Routes)).to.deep.equal({ kind: "all", of: Routes });
  });

  it("asks for settings by config, under the component's name unless a section is named", () => {
    const fields = schema({ url: { doc: "where", format: String, default: "here" } });
    expect(config(fields)).to.deep.equal({ kind: "config", schema: fields, section: undefined });
    expect(config(fields, { section: "store" }).section).to.equal("store");
  });

  it("cannot be changed once made", () => {
    for (const need of [opt(class {}), all(group("g")), config({}), group("g")]) expect(need).to.be.frozen;
  });
});
