/** The command line: options, settings, and what cannot be understood. */
import { expect } from "chai";
import { readArguments, type ProgramOptions } from "../../lib/arguments.js";
import { UsageError } from "../../lib/errors.js";

const OWN = {
  file: { short: "f", value: "IDS", doc: "only these ids", setting: "scanner/ids-file" },
  "dry-run": { short: "D", doc: "write nothing", setting: "migration/dry-run" },
  customers: { value: "N", doc: "how many" },
} as const satisfies ProgramOptions;
const read = (...argv: string[]) => readArguments(argv, OWN);
const settings = (...argv: string[]) => read(...argv).overrides.map(({ text, source }) => `${text} (${source})`);

describe("a command line", () => {
  it("without a word runs the program", () => {
    expect(read()).to.deep.equal({ action: "run", file: "system.png", env: undefined, values: {}, overrides: [] });
  });

  it("gives a text for an option with a value, true for a switch", () => {
    expect(read("--customers", "5", "-D").values).to.deep.equal({ customers: "5", "dry-run": true });
    expect(read("--customers=5=6").values).to.deep.equal({ customers: "5=6" });
  });

  it("takes short options, joined ones too, and a value that is joined", () => {
    expect(read("-Df", "ids.txt", "-estaging")).to.deep.include({
      env: "staging",
      values: { "dry-run": true, file: "ids.txt", env: "staging" },
    });
  });

  it("takes the last of an option given twice", () => {
    expect(read("-e", "a", "--env=b").env).to.equal("b");
  });

  it("makes settings of component/setting=value and of options that stand for one, and remembers where each was said", () => {
    expect(settings("a/b=1", "-D", "--file", "ids.txt", "c/d=x=y/z", "e/f=")).to.deep.equal([
      "a/b=1 (argument 1)",
      "migration/dry-run=true (-D)",
      "scanner/ids-file=ids.txt (--file)",
      "c/d=x=y/z (argument 5)",
      "e/f= (argument 6)",
    ]);
  });

  it("may have settings behind --", () => {
    expect(settings("--", "a/b=1")).to.deep.equal(["a/b=1 (argument 2)"]);
  });

  for (const [argv, action] of [
    [["--help"], "help"],
    [["-h"], "help"],
    [["--check"], "check"],
    [["--config"], "config"],
    [["-V"], "visualize"],
    [["--check", "--config", "--help"], "help"],
  ] as const) {
    it(`asks for ${action} by ${argv.join(" ")}`, () => expect(read(...argv).action).to.equal(action));
  }

  for (const [argv, file] of [
    [["-V"], "system.png"],
    [["--visualize", "-D"], "system.png"],
    [["-V", "out.svg"], "out.svg"],
    [["-DV", "out.svg"], "out.svg"],
    [["--visualize", "folder/out.dot"], "folder/out.dot"],
    [["--visualize=odd=name.txt"], "odd=name.txt"],
    [["-V", "a/b=c"], "system.png"],
    [["-V", "-"], "-"],
  ] as const) {
    it(`draws into ${file} by ${argv.join(" ")}`, () => expect(read(...argv)).to.include({ action: "visualize", file }));
  }
});

describe("a command line that cannot be understood", () => {
  for (const [argv, message] of [
    [["--dryrun"], 'Unknown option "--dryrun". Did you mean "--dry-run"?\n  fix:  --help lists the options'],
    [["--vizualise"], 'Unknown option "--vizualise". Did you mean "--visualize"?\n  fix:  --help lists the options'],
    [["--nothing-like-it"], 'Unknown option "--nothing-like-it"\n  fix:  --help lists the options'],
    [["-x"], 'Unknown option "-x"\n  fix:  --help lists the options'],
    [["--__proto__"], 'Unknown option "--__proto__"\n  fix:  --help lists the options'],
    [["--file"], 'Option "--file" needs a value: --file IDS'],
    [["--file="], 'Option "--file" needs a value: --file IDS'],
    [["--file", ""], 'Option "--file" needs a value: --file IDS'],
    [["-f", "-D"], 'Option "-f" needs a value: -f IDS'],
    [["--file", "--dry-run"], 'Option "--file" needs a value: --file IDS'],
    [["--dry-run=yes"], 'Option "--dry-run" takes no value, got "yes"'],
    [["a/b=1", "stray"], 'Cannot understand argument 2, "stray"\n  fix:  settings are written component/setting=value; --help lists them'],
    [
      ["processes=5"],
      'Cannot understand argument 1, "processes=5"\n  fix:  settings are written component/setting=value; --help lists them',
    ],
    [
      ["-D", "-V", "out.png", "more"],
      'Cannot understand argument 4, "more"\n  fix:  settings are written component/setting=value; --help lists them',
    ],
  ] as const) {
    it(`says why: ${argv.join(" ")}`, () =>
      expect(() => read(...argv))
        .to.throw(UsageError)
        .with.property("message", message));
  }

  it("takes a value that begins with - where it is joined by =", () => {
    expect(read("--file=-odd").values.file).to.equal("-odd");
  });

  it("takes - alone as a value", () => {
    expect(read("--file", "-").values.file).to.equal("-");
  });
});
