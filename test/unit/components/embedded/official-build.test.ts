import { expect } from "chai";
import { officialPath } from "../../../../components/embedded/official-build.js";

describe("officialPath", () => {
  const linux = (release: string, arch = "x64") => officialPath("linux", arch, release)?.replace(/-\d+\.\d+\.\d+\.tgz$/, "");

  it("chooses the build of the distribution and its version", () => {
    expect(linux('NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="24.04"\n')).to.equal("linux/mongodb-linux-x86_64-ubuntu2204");
    expect(linux('VERSION_ID="20.04"\nID=ubuntu\n')).to.equal("linux/mongodb-linux-x86_64-ubuntu2004");
    expect(linux('ID=debian\nVERSION_ID="11"\n')).to.equal("linux/mongodb-linux-x86_64-debian11");
    expect(linux('ID="rhel"\nVERSION_ID="9.4"\n', "arm64")).to.equal("linux/mongodb-linux-aarch64-rhel90");
    expect(linux('ID="amzn"\nVERSION_ID="2023"\n')).to.equal("linux/mongodb-linux-x86_64-amazon2023");
  });

  it("chooses the build of the processor on macOS", () => {
    expect(officialPath("darwin", "arm64", "")).to.match(/^osx\/mongodb-macos-arm64-\d/);
    expect(officialPath("darwin", "x64", "")).to.match(/^osx\/mongodb-macos-x86_64-\d/);
  });

  it("has none for a machine or a system without an official build", () => {
    expect(linux("ID=alpine\nVERSION_ID=3.20.0\n")).to.equal(undefined);
    expect(linux("ID=ubuntu\nVERSION_ID=22.04\n", "riscv64")).to.equal(undefined);
    expect(officialPath("freebsd", "x64", "")).to.equal(undefined);
  });
});
