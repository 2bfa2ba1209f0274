/** Patience with errors that pass and with those that do not; the first waits are short enough to be real. */
import { expect } from "chai";
import { MongoNetworkError, MongoServerError } from "mongodb";
import { MigrationFailedError } from "../../../../lib/index.js";
import { isTransient, patiently } from "../../../../components/migration/patience.js";
import { rejection } from "../../../support/outcome.js";

const gone = () => Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:27017"), { code: "ECONNREFUSED" });

/** Work that fails so often, and what patience said of it. */
function failing(times: number, error: () => unknown = gone) {
  const said: string[] = [];
  let attempts = 0;
  const work = async () => {
    if (++attempts <= times) throw error();
    return "done";
  };
  return { work, said, attempts: () => attempts, onWait: (text: string) => void said.push(text) };
}

describe("patience", () => {
  const { signal } = new AbortController();

  it("says nothing where nothing fails", async () => {
    const { work, said, onWait } = failing(0);
    expect(await patiently(work, { forMs: 1_000, signal, onWait })).to.equal("done");
    expect(said).to.eql([]);
  });

  it("waits for a server that is gone, says so, and goes on", async () => {
    const { work, said, attempts, onWait } = failing(2);
    expect(await patiently(work, { forMs: 10_000, signal, onWait })).to.equal("done");
    expect(attempts()).to.equal(3);
    expect(said.map((text) => text.replace(/\d+ ms/, "N ms"))).to.eql(
      Array(2).fill("Waiting for the server, gone for N ms: connect ECONNREFUSED 127.0.0.1:27017"),
    );
  });

  it("passes any other error on at once, as it is", async () => {
    const error = new TypeError("address is not a string");
    const { work, attempts, onWait } = failing(1, () => error);
    expect(await rejection(patiently(work, { forMs: 10_000, signal, onWait }))).to.equal(error);
    expect(attempts()).to.equal(1);
  });

  it("gives up after the deadline, not before, with the last error as the cause", async () => {
    const { work, attempts, onWait } = failing(Infinity);
    const beganAt = performance.now();
    const error = await rejection(patiently(work, { forMs: 120, signal, onWait }));
    expect(performance.now() - beganAt).to.be.within(119, 5_000);
    expect(attempts()).to.be.greaterThan(1);
    expect(error).to.be.instanceOf(MigrationFailedError);
    expect((error as Error).message).to.match(/^The server was gone for \d+ ms: connect ECONNREFUSED/);
    expect((error as Error).cause).to.deep.include({ code: "ECONNREFUSED" });
  });

  it("fails at the first error where it has no patience", async () => {
    const { work, said, onWait } = failing(Infinity);
    expect(await rejection(patiently(work, { forMs: 0, signal, onWait }))).to.be.instanceOf(MigrationFailedError);
    expect(said).to.eql([]);
  });

  it("ends its wait when it is aborted, and does not try again", async () => {
    const { work, attempts } = failing(Infinity);
    const controller = new AbortController();
    const onWait = () => setImmediate(() => controller.abort());
    expect(await rejection(patiently(work, { forMs: 60_000, signal: controller.signal, onWait }))).to.have.property("name", "AbortError");
    expect(attempts()).to.equal(1);
  });

  it("does not wait at all where it was aborted during the work", async () => {
    const controller = new AbortController();
    const { said, onWait } = failing(0);
    const work = async () => {
      controller.abort();
      throw gone();
    };
    expect(await rejection(patiently(work, { forMs: 60_000, signal: controller.signal, onWait }))).to.deep.include({
      code: "ECONNREFUSED",
    });
    expect(said).to.eql([]);
  });
});

describe("transient", () => {
  const transient: readonly unknown[] = [
    gone(),
    new MongoNetworkError("connection 3 to 127.0.0.1:27017 closed"),
    new MongoServerError({ message: "not primary", code: 10107 }),
    new MongoServerError({ message: "shutting down", code: 91 }),
    new MongoServerError({ message: "x", errorLabels: ["RetryableWriteError"] }),
    Object.assign(new Error("getaddrinfo EAI_AGAIN db"), { code: "EAI_AGAIN" }),
    new Error("Connection is closed."),
    new Error("LOADING Redis is loading the dataset in memory"),
  ];
  const lasting: readonly unknown[] = [
    new Error("address is not a string"),
    new MongoServerError({ message: "E11000 duplicate key error", code: 11000 }),
    new MongoServerError({ message: "not authorized", code: 13 }),
    new MigrationFailedError("x"),
    new Error("the LOADING of a cart failed"),
    "ECONNREFUSED",
    undefined,
  ];

  for (const error of transient) it(`is ${String(error)}`, () => expect(isTransient(error)).to.equal(true));
  for (const error of lasting) it(`is not ${String(error)}`, () => expect(isTransient(error)).to.equal(false));
});
