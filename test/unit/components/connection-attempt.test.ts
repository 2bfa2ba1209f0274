/** What the connections to MongoDB and Redis have in common, without a server. */
import { expect } from "chai";
import { writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { mock } from "node:test";
import {
  expectedTimeout,
  expectedUri,
  loadPeer,
  maskUri,
  networkFix,
  refuse,
  refuseOlder,
  unreadable,
  within,
  type Attempt,
} from "../../../components/connection-attempt.js";
import { withoutArguments } from "../../../components/redis-errors.js";
import { MissingPeerError, TimeoutError, type StartContext } from "../../../lib/index.js";
import { rejection } from "../../support/outcome.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const never = new Promise<never>(() => {});

function attemptAt(uri: string, more: { timeoutMs?: number; signal?: AbortSignal; source?: string } = {}): Attempt {
  const { timeoutMs = 60_000, signal = new AbortController().signal, source } = more;
  const settings = source === undefined ? [] : [{ section: "store", name: "uri", value: uri, source, doc: "" }];
  const context = { component: "store", signal, configuration: { env: "localhost", settings } } as unknown as StartContext;
  return { product: "MongoDB", uri, timeoutMs, context };
}

describe("the address of a connection", () => {
  for (const [uri, masked] of [
    ["mongodb://host:27017/shop", "mongodb://host:27017/shop"],
    ["mongodb://bob:geheim@host/shop?tlsCertificateKeyFilePassword=x", "mongodb://••••@host/shop"],
    ["mongodb+srv://bob:ge@heim@host", "mongodb+srv://••••@host"],
    ["redis://:ge/h#e?im@host", "redis://••••@host"],
    ["bob:geheim@host", "••••@host"],
  ] as const) {
    it(`is shown as ${masked}`, () => {
      expect(maskUri(uri)).to.equal(masked);
    });
  }

  it("has a form of its product, or is that of a private server", () => {
    const mongo = "mongodb://<host>, mongodb+srv://<host>, embedded: or embedded:<folder>";
    for (const uri of ["foo", "", "mongodb:", "mongodb://", "redis://host", "MONGODB://host", "embedded"]) {
      expect(expectedUri("MongoDB", uri), uri).to.equal(mongo);
    }
    expect(expectedUri("Redis", "mongodb://host")).to.equal("redis://<host>, rediss://<host>, embedded: or embedded:<folder>");
    for (const uri of ["mongodb://a,b:2/shop?x=1", "mongodb+srv://me:pw@host", "embedded:", "embedded:no/such/folder/yet"]) {
      expect(expectedUri("MongoDB", uri), uri).to.equal(undefined);
    }
    for (const sign of ["/", "?", "#"]) expect(expectedUri("Redis", `redis://me:p${sign}w@host`)).to.include("percent-encoded");
  });

  it("of a private server names a folder, or what may become one, and no file", async () => {
    const folder = await temporaryFolder();
    try {
      await writeFile(folder.file("note"), "");
      expect(expectedUri("MongoDB", `embedded:${folder.path}`)).to.equal(undefined);
      for (const path of [folder.file("note"), folder.file("note/data/mongo"), relative("", folder.file("note"))]) {
        expect(expectedUri("MongoDB", `embedded:${path}`)).to.equal(`a folder behind embedded:, and "${folder.file("note")}" is a file`);
      }
    } finally {
      await folder.remove();
    }
  });

  it("is said to be unreadable in the driver's words only where they quote no part of the credentials", () => {
    const attempt = attemptAt("mongodb://bob:geheim@host");
    const told = unreadable(attempt, new Error("the port is no number"));
    expect(told.message).to.match(/^Cannot read store\/uri "mongodb:\/\/••••@host": the port is no number\n/);
    const quoting = unreadable(attempt, new TypeError("no such host: geheim"));
    expect(quoting.message).to.match(/^Cannot read store\/uri "mongodb:\/\/••••@host"\n/);
    expect([told.cause, quoting.cause]).to.deep.equal([undefined, undefined]);
  });
});

describe("a refused connection", () => {
  it("says where the address was set", () => {
    const fix = (source?: string) => refuse(attemptAt("mongodb://a:b@host", { source: source as string }), "no", "look there").fix;
    expect(fix("conf/localhost.yaml")).to.equal("look there (conf/localhost.yaml says mongodb://••••@host)");
    expect([fix("default"), fix()]).to.deep.equal(["look there", "look there"]);
  });

  it("finds what to do by the code of an inner error", () => {
    const fix = (code: string) =>
      networkFix(attemptAt("mongodb://host"), new Error("x", { cause: Object.assign(new Error("y"), { code }) }));
    expect(fix("ECONNREFUSED")).to.equal("start MongoDB there, or unset store/uri to use a private one");
    expect(fix("EAI_AGAIN")).to.equal("check the host in store/uri");
    expect(fix("DEPTH_ZERO_SELF_SIGNED_CERT")).to.include("NODE_EXTRA_CA_CERTS");
    expect(fix("EOTHER")).to.equal(undefined);
  });

  it("compares versions by their numbers", () => {
    const isRefused = (version: string, minimum: string) => {
      try {
        refuseOlder(attemptAt(""), `mongod ${version}`, minimum);
        return false;
      } catch {
        return true;
      }
    };
    expect(["6.0.5", "10.0.0", "6.0"].map((version) => isRefused(version, "6.0"))).to.deep.equal([false, false, false]);
    expect(["5.0.31", "6.0.4"].map((version) => isRefused(version, "6.0.5"))).to.deep.equal([true, true]);
    expect(["6", "6.2.14", "6.10", "7"].map((version) => isRefused(version, "6.2"))).to.deep.equal([true, false, false, false]);
  });

  it("names the package that is missing and how to install it", async () => {
    const absent = "a-driver-that-is-not-there";
    const error = await rejection(loadPeer(absent, attemptAt("").context, () => import(absent)));
    expect(error).to.be.instanceOf(MissingPeerError);
    expect((error as Error).message)
      .to.include(`Component "store" needs the package "${absent}"`)
      .and.include(`npm install ${absent}`);
  });

  it("carries a Redis error without the arguments of a command that logs in", () => {
    const error = (name: string) => Object.assign(new Error("no"), { command: { name, args: ["geheim"] } });
    expect(withoutArguments(error("hello"))).to.have.deep.property("command", { name: "hello" });
    expect(withoutArguments(error("auth"))).to.have.deep.property("command", { name: "auth" });
    expect(withoutArguments(error("select"))).to.have.deep.property("command", { name: "select", args: ["geheim"] });
  });
});

describe("the deadline of a connection", () => {
  it("is above 0", () => expect([0, 1].map(expectedTimeout)).to.deep.equal(["a duration above 0", undefined]));

  it("is said after a second of waiting, once, and not where it is near or the wait has ended", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const lines: string[] = [];
      const log = { info: (_: object, line: string) => lines.push(line) };
      const waiting = (timeoutMs: number, promise: Promise<unknown>) => {
        const attempt = attemptAt("mongodb://me:pw@host/shop?x=1", { timeoutMs });
        return within({ ...attempt, context: { ...attempt.context, log } as unknown as StartContext }, promise);
      };
      const [late, soon] = [rejection(waiting(5_000, never)), rejection(waiting(1_000, never))];
      await waiting(5_000, Promise.resolve());
      mock.timers.tick(999);
      expect(lines).to.deep.equal([]);
      mock.timers.tick(1);
      expect(lines).to.deep.equal(['"store" is still connecting to mongodb://••••@host/shop: it tries for 5 s']);
      mock.timers.tick(4_000);
      for (const error of [await late, await soon]) expect(error).to.be.instanceOf(TimeoutError);
      expect(lines).to.have.lengthOf(1);
    } finally {
      mock.timers.reset();
    }
  });

  it("gives the value that comes in time", async () => {
    expect(await within(attemptAt("", { timeoutMs: 1_000 }), Promise.resolve("up"))).to.equal("up");
  });

  it("ends the wait", async () => {
    expect(await rejection(within(attemptAt("", { timeoutMs: 1 }), never))).to.be.instanceOf(TimeoutError);
  });

  it("gives way to the signal, also to one that has fired before", async () => {
    const giveUp = new AbortController();
    const waiting = rejection(within(attemptAt("", { signal: giveUp.signal }), never));
    giveUp.abort("enough");
    expect(await waiting).to.equal("enough");
    expect(await rejection(within(attemptAt("", { signal: giveUp.signal }), never))).to.equal("enough");
  });
});
