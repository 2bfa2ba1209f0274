/** Starting a system for a test, and stopping what it left running. */
import { expect } from "chai";
import { startForTest, stopAll } from "../../../../components/testing/index.js";
import { component, config, key, schema, StopError, system } from "../../../../lib/index.js";
import { journal } from "../../../support/journal.js";
import { rejection, settled, watch } from "../../../support/outcome.js";

const Url = key<string>()("url");
const User = key<string>()("user");
const VARIABLE = "MILLRACE_TEST_URL";
const url = component(Url, {
  needs: { settings: config(schema({ url: { doc: "where", format: String, default: "here", env: VARIABLE } })) },
  start: ({ settings }) => settings.url,
});
const user = component(User, { needs: { url: Url }, start: (needs) => `user of ${needs.url}` });

describe("a system started for a test", () => {
  it("runs with replacements, and leaves the system itself as it was", async () => {
    const app = system(url, user);
    const running = await startForTest(app.replace(Url, "a stand-in"));
    expect(running.get(User)).to.equal("user of a stand-in");
    expect((await startForTest(app)).get(User)).to.equal("user of here");
    await stopAll();
  });

  it("is stopped by stopAll, the last one started first, and only once", async () => {
    const { log, part } = journal();
    await startForTest(system(part("a"), part("b", ["a"])));
    await startForTest(system(part("c")));
    await stopAll();
    expect(log.slice(3)).to.deep.equal(["stop c", "stop b", "stop a"]);
    await stopAll();
    expect(log).to.have.lengthOf(6);
  });

  it("may stop before: at the end of its block, or by itself", async () => {
    const { log, part } = journal();
    const throwing = async () => {
      await using _ = await startForTest(system(part("a")));
      throw new Error("assertion failed");
    };
    expect(await rejection(throwing())).to.have.property("message", "assertion failed");
    await (await startForTest(system(part("b")))).stop();
    await stopAll();
    expect(log).to.deep.equal(["start a", "stop a", "start b", "stop b"]);
  });

  it("is given up while it starts, where the test did not wait for it", async () => {
    const { log, part } = journal();
    const hang = part("b", ["a"], {
      start: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    });
    const starting = watch(startForTest(system(part("a"), hang)));
    await settled();
    await stopAll();
    expect(starting.outcome).to.have.nested.property("value.message", "The start was given up");
    expect(log).to.deep.equal(["start a", "start b", "stop a"]);
  });

  it("can be given up by the test's own signal too", async () => {
    const { part } = journal();
    const signal = AbortSignal.abort(new Error("the test's own"));
    expect(await rejection(startForTest(system(part("a")), { signal }))).to.have.nested.property("cause.message", "the test's own");
  });

  it("fails as any start does, and leaves nothing to stop", async () => {
    const { log, part } = journal();
    const broken = part("b", ["a"], { start: () => Promise.reject(new Error("boom")) });
    expect(await rejection(startForTest(system(part("a"), broken)))).to.have.property("code", "START_FAILED");
    await stopAll();
    expect(log).to.deep.equal(["start a", "start b", "stop a"]);
  });

  it("takes no setting from the environment of the process, but from one that it is given", async () => {
    process.env[VARIABLE] = "from the process";
    try {
      expect((await startForTest(system(url))).get(Url)).to.equal("here");
      expect((await startForTest(system(url), { config: { values: { url: { url: "given" } } } })).get(Url)).to.equal("given");
      expect((await startForTest(system(url), { config: { environment: process.env } })).get(Url)).to.equal("from the process");
    } finally {
      delete process.env[VARIABLE];
      await stopAll();
    }
  });

  it("makes stopAll fail where it does not stop, after all others have stopped, with everything that failed", async () => {
    const { log, part } = journal();
    const fail = (message: string) => ({ stop: () => Promise.reject(new Error(message)) });
    await startForTest(system(part("a", [], fail("a is stuck"))));
    await startForTest(system(part("b")));
    await startForTest(system(part("c", [], fail("c is stuck"))));
    const error = (await rejection(stopAll())) as StopError;
    expect(error).to.be.instanceOf(StopError);
    expect(error.components).to.deep.equal(["c", "a"]);
    expect(error.errors.map((one: Error) => one.message)).to.deep.equal(["c is stuck", "a is stuck"]);
    expect(log.slice(3)).to.deep.equal(["stop c", "stop b", "stop a"]);
    await stopAll();
  });

  it("must lack nothing: the compiler says what is missing", () => {
    // @ts-expect-error -- missing component: url
    const incomplete = () => startForTest(system(user));
    expect(incomplete).to.be.a("function");
  });
});
