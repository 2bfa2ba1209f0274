/** Which versions of a server are refused. */
import { expect } from "chai";
import { refuseOlder, type Attempt } from "../../../components/connection-attempt.js";

describe("refuseOlder", () => {
  const context = { component: "redis", configuration: { settings: [] } };
  const attempt = { product: "Redis", uri: "redis://127.0.0.1", timeoutMs: 1, context } as unknown as Attempt;
  const isRefused = (version: string, least: string) => {
    try {
      refuseOlder(attempt, `redis-server ${version}`, least);
      return false;
    } catch {
      return true;
    }
  };

  it("compares versions number by number", () => {
    for (const version of ["6.2", "6.2.0", "6.2.14", "6.10", "7", "7.0.1", "10.0.0"])
      expect(isRefused(version, "6.2"), version).to.equal(false);
    for (const version of ["6", "6.1.9", "5.9", "2.10.0"]) expect(isRefused(version, "6.2"), version).to.equal(true);
    expect([isRefused("7.0.5", "7.0.10"), isRefused("7.0.10-rc1", "7.0.10")]).to.eql([true, false]);
  });
});
