/** What it means where a server cannot listen. */
import { expect } from "chai";
import { expectedHost, explainListen, urlOf } from "../../../../components/http/listen.js";
import type { StartContext } from "../../../../lib/index.js";

const context = (...settings: object[]) => ({ component: "api", configuration: { env: "localhost", settings } }) as unknown as StartContext;
const failed = (code: string) => Object.assign(new Error(`listen ${code}: something`), { code });

describe("an address at which nothing can listen", () => {
  const where = { port: 80, host: "127.0.0.1" };

  it("is explained where the user may not open the port", () => {
    const error = explainListen(context(), where, failed("EACCES"));
    expect(error.message).to.equal("this user may not open port 80 of 127.0.0.1\n  fix:  set api/port to one from 1024 up");
  });

  it("is explained where the port is taken, with or without the process that has it", () => {
    expect(explainListen(context(), where, failed("EADDRINUSE")).fix).to.equal(
      "set api/port to another one (0: any that is free), or end the program that has it",
    );
    expect(explainListen(context(), where, failed("EADDRINUSE"), { pid: 7, name: "node" }).fix).to.equal(
      'set api/port to another one (0: any that is free), or end process 7 ("node"), which has it',
    );
  });

  it("is said as the system says it otherwise", () => {
    const error = explainListen(context(), where, failed("EMFILE"));
    expect(error.message).to.equal("listen EMFILE: something\n  fix:  check api/host and api/port");
    expect(error.cause).to.have.property("code", "EMFILE");
  });

  it("is named with the place where it was set", () => {
    const setting = { section: "api", name: "port", value: 80, source: "conf/local.yaml" };
    expect(explainListen(context(setting), where, failed("EACCES")).fix).to.match(/ \(conf\/local\.yaml says 80\)$/);
    expect(explainListen(context({ ...setting, source: "default" }), where, failed("EACCES")).fix).to.match(/up$/);
  });
});

describe("the url of a server", () => {
  for (const [host, url] of [
    ["127.0.0.1", "http://127.0.0.1:80"],
    ["0.0.0.0", "http://127.0.0.1:80"],
    ["::", "http://[::1]:80"],
    ["::1", "http://[::1]:80"],
    ["localhost", "http://localhost:80"],
  ] as const) {
    it(`is ${url} at ${host}`, () => expect(urlOf(host, 80)).to.equal(url));
  }
});

describe("the setting host", () => {
  for (const host of ["127.0.0.1", "::1", "fe80::1%eth0", "my-host.example", "localhost"]) {
    it(`may be ${host}`, () => expect(expectedHost(host)).to.equal(undefined));
  }
  for (const host of ["", " ", "http://localhost", "a/b", "[::1]"]) {
    it(`may not be "${host}"`, () => expect(expectedHost(host)).to.equal("an address or a host name, without a port"));
  }
});
