/** Fastify's log lines in the log of the system. */
import { expect } from "chai";
import { RequestLog } from "../../../../components/http/request-log.js";
import { logLines } from "../../../support/http-system.js";

describe("the log that fastify is given", () => {
  it("takes fields and a message, a message alone, and an error alone", () => {
    const { log, lines, fields } = logLines();
    const its = new RequestLog(log, { component: "http" });
    const error = new Error("boom");
    its.info({ a: 1 }, "%s of %d", "one", 2);
    its.warn("plain");
    its.error(error);
    its.error(error, "it failed");
    expect(lines).to.deep.equal(["info: one of 2", "warn: plain", "error: boom", "error: it failed"]);
    expect(fields).to.deep.equal([{ component: "http", a: 1 }, { component: "http" }, { component: "http", error }, { component: "http", error }]); // prettier-ignore
  });

  it("has children with more fields, and four levels", () => {
    const { log, lines, fields } = logLines();
    const child = new RequestLog(log, { a: 1 }).child({ b: 2 });
    child.fatal("f");
    child.trace("t");
    child.debug("d");
    child.silent();
    expect(lines).to.deep.equal(["error: f", "debug: t", "debug: d"]);
    expect(fields[0]).to.deep.equal({ a: 1, b: 2 });
  });
});
