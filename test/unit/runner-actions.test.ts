/** What a program does instead of running: help, check, settings, picture, and refusing its command line. */
import { expect } from "chai";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { component } from "../../lib/component.js";
import { config, key, schema, type Key } from "../../lib/key.js";
import { execute } from "../../lib/execution.js";
import type { Program } from "../../lib/program.js";
import { system } from "../../lib/system.js";
import { fakeHost, type FakeHost } from "../support/fake-host.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const k = (name: string): Key<unknown> => key<unknown>()(name);
const migration = schema({
  processes: { doc: "migration jobs at once", format: "positive", default: 20 },
  dryRun: { doc: "look and count, write nothing", format: Boolean, default: false },
});
const connection = schema({
  uri: { doc: "where MongoDB is", format: "url", default: "mongodb://me:secret@127.0.0.1", env: "MONGO_URI" },
});
const started: string[] = [];
const app = system(
  component(k("overseer"), {
    needs: { connection: k("connection"), settings: config(migration, { section: "customer-migration" }) },
    start: () => void started.push("overseer"),
  }),
  component(k("connection"), { needs: { settings: config(connection) }, start: () => void started.push("connection") }),
);
const program = {
  name: "db-migrate",
  doc: "moves customers to the new schema",
  command: "npm start --",
  options: {
    file: { short: "f", value: "IDS", doc: "migrate only these ids" },
    "dry-run": { short: "D", doc: "write nothing", setting: "customer-migration/dry-run" },
  },
  main: () => void started.push("main"),
} satisfies Program;

async function running(argv: readonly string[], of = app, also: Partial<Program> = {}): Promise<FakeHost & { readonly exitCode: number }> {
  const host = fakeHost(...argv);
  return { ...host, exitCode: await execute(of, { ...program, ...also } as Program, host) };
}

describe("a program's command line", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    started.length = 0;
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  it("--help says what it does, how it is called, its options and every setting", async () => {
    const { exitCode, lines } = await running(["--help"]);
    expect(exitCode).to.equal(0);
    expect(lines.map((line) => line.replace(/^out: /, ""))).to.deep.equal([
      "db-migrate: moves customers to the new schema",
      "",
      "  npm start -- [options] [component/setting=value …]",
      "",
      "  -f, --file IDS          migrate only these ids",
      "  -D, --dry-run           write nothing",
      "  -e, --env NAME          which configuration file counts (localhost)",
      "  -V, --visualize [FILE]  draw the system (system.png; .svg .dot .json .txt) and exit",
      "      --check             say every problem and exit",
      "      --config            say every setting and where it comes from, and exit",
      "  -h, --help              this page",
      "",
      "Settings (and what they are now)",
      "  customer-migration/processes  migration jobs at once (20)",
      "  customer-migration/dry-run    look and count, write nothing (false)",
      "  connection/uri                where MongoDB is (mongodb://••••@127.0.0.1; or MONGO_URI)",
    ]);
    expect(started).to.deep.equal([]);
  });

  it("--help needs neither a doc nor a command nor settings", async () => {
    const host = fakeHost("-h");
    expect(await execute(system(), { name: "tiny" }, host)).to.equal(0);
    expect(host.lines.slice(0, 3)).to.deep.equal(["out: tiny", "out: ", "out:   tiny [options] [component/setting=value …]"]);
    expect(host.lines.join()).not.to.include("Settings");
  });

  it("--help calls it as it was started, unless the program says how it is called", async () => {
    const usage = async (also: Partial<Program>) => {
      const host = fakeHost("--help");
      await execute(app, { ...program, ...also } as Program, { ...host, command: "node dist/main.js" });
      return host.lines[2];
    };
    expect(await usage({ command: undefined })).to.equal("out:   node dist/main.js [options] [component/setting=value …]");
    expect(await usage({})).to.equal("out:   npm start -- [options] [component/setting=value …]");
  });

  it("--help names the environments of the configuration folder, and the settings in force there", async () => {
    for (const name of ["default", "localhost", "staging", "local"]) await writeFile(folder.file(`${name}.yaml`), "");
    await writeFile(folder.file("staging.yaml"), "customer-migration: { processes: 7 }");
    const { lines } = await running(["--help", "-e", "staging"], app, { conf: folder.path });
    expect(lines.find((line) => line.includes("--env"))).to.match(/ {2}localhost \(default\), staging$/);
    expect(lines.find((line) => line.includes("/processes"))).to.match(/jobs at once \(7/);
  });

  it("--check says that there is nothing to say, and starts nothing", async () => {
    const { exitCode, lines } = await running(["--check"]);
    expect([exitCode, lines, started]).to.deep.equal([0, ["out: 2 components, no problems"], []]);
  });

  it("--check says every problem, of the graph and of the settings, and ends with 1", async () => {
    const broken = system(...[app], component(k("scanner"), { needs: { it: k("conection") }, start: () => 1 }));
    const { exitCode, lines } = await running(["--check", "customer-migration/processes=5abc"], broken as unknown as typeof app);
    expect(exitCode).to.equal(1);
    expect(lines).to.deep.equal([
      "err: 3 components, 2 problems",
      'err:   ✖ scanner needs "conection", which nobody provides. Did you mean "connection"?',
      'err:   ✖ customer-migration/processes = "5abc" (argument 2): expected a whole number from 1 up',
    ]);
  });

  it("--config says every setting in force and where it comes from, secrets masked", async () => {
    await writeFile(folder.file("default.yaml"), "customer-migration: { processes: 7000 }\n");
    await writeFile(folder.file("staging.yaml"), "connection: { uri: 'mongodb://you:secret@db' }\n");
    const { exitCode, lines } = await running(["--config", "-e", "staging", "-D"], app, { conf: folder.path });
    expect(exitCode).to.equal(0);
    expect(lines.map((line) => line.replace(/ +/g, " ").replace(folder.path, "conf"))).to.deep.equal([
      "out: Settings in force (environment staging)",
      "out: customer-migration/processes 7,000 conf/default.yaml",
      "out: customer-migration/dry-run true -D",
      "out: connection/uri mongodb://••••@db conf/staging.yaml",
    ]);
    expect(started).to.deep.equal([]);
  });

  it("may name its configuration folder by a URL", async () => {
    await writeFile(folder.file("default.yaml"), "customer-migration: { processes: 7 }\n");
    const { lines } = await running(["--config"], app, { conf: pathToFileURL(folder.path) });
    expect(lines[1]).to.include("processes").and.to.include("7");
  });

  it("passes its environment variables to the settings", async () => {
    const host = fakeHost("--config");
    await execute(app, program, { ...host, environment: { MONGO_URI: "mongodb://there" } });
    expect(host.lines.at(-1)).to.match(/connection\/uri +mongodb:\/\/there +MONGO_URI \(environment\)/);
  });

  for (const [extension, start] of [
    ["png", "\u0089PNG"],
    ["svg", "<?xml"],
    ["dot", "digraph"],
    ["json", "{"],
    ["txt", "overseer"],
    ["PNG", "\u0089PNG"],
  ] as const) {
    it(`--visualize draws the system into a .${extension} file and starts nothing`, async () => {
      const file = folder.file(`system.${extension}`);
      const { exitCode, lines } = await running(["-V", file]);
      expect([exitCode, lines, started]).to.deep.equal([0, [`out: ${file}: 2 components`], []]);
      expect((await readFile(file, "latin1")).slice(0, start.length)).to.equal(start);
    });
  }

  it("--visualize says the map where - stands for the file", async () => {
    const { exitCode, lines } = await running(["-V", "-"]);
    expect([exitCode, lines, started]).to.deep.equal([0, ["out: overseer", "out: └─ connection"], []]);
  });

  it("--visualize draws what is broken too", async () => {
    const broken = system(component(k("a"), { needs: { it: k("gone") }, start: () => 1 })) as unknown as typeof app;
    expect((await running(["-V", folder.file("x.txt"), "unknown/setting=1"], broken)).exitCode).to.equal(0);
    expect(await folder.text("x.txt")).to.include("missing");
  });

  it("starts with the settings that were given", async () => {
    const { exitCode, lines } = await running(["customer-migration/processes=5"]);
    expect([exitCode, lines, started]).to.deep.equal([0, [], ["connection", "overseer", "main"]]);
  });

  it("makes the system from the options, where the program does so", async () => {
    const host = fakeHost("--file", "ids.txt");
    const made: unknown[] = [];
    const make = (options: unknown) => {
      made.push(options);
      return system();
    };
    expect(await execute(make, { ...program, main: () => {} }, host)).to.equal(0);
    expect(made).to.deep.equal([{ file: "ids.txt" }]);
  });

  const refusals: readonly (readonly [argv: readonly string[], line: string])[] = [
    [["--dryrun"], 'Unknown option "--dryrun". Did you mean "--dry-run"?'],
    [["--env"], 'Option "--env" needs a value: --env NAME'],
    [["stray"], 'Cannot understand argument 1, "stray"'],
    [
      ["customer-migration/proceses=5"],
      'Unknown setting "customer-migration/proceses" (argument 1). Did you mean "customer-migration/processes"?',
    ],
    [["customer-migration/processes=0"], 'customer-migration/processes = "0" (argument 1): expected a whole number from 1 up'],
    [
      ["--config", "customer-migration/processes=abc"],
      'customer-migration/processes = "abc" (argument 2): expected a whole number from 1 up',
    ],
    [["-V", "system.gif"], 'Cannot draw into "system.gif": expected a name that ends in .png, .svg, .dot, .json or .txt'],
    [["--visualize="], 'Cannot draw into "": expected a name that ends in .png, .svg, .dot, .json or .txt'],
  ];
  for (const [argv, line] of refusals) {
    it(`refuses ${argv.join(" ")} with one line, and 2, and starts nothing`, async () => {
      const { exitCode, lines } = await running(argv);
      expect([exitCode, lines[0], started]).to.deep.equal([2, `err: ${line}`, []]);
      for (const more of lines.slice(1)) expect(more).to.match(/^err: {3}fix:/);
    });
  }

  it("refuses a picture that cannot be written, with one line that names the folder or the file, before it draws", async () => {
    await writeFile(folder.file("note"), "");
    await mkdir(folder.file("full.txt"));
    const refusal = async (file: string) => {
      const { exitCode, lines } = await running(["-V", folder.file(file)]);
      expect([exitCode, lines.length, started], file).to.deep.equal([2, 1, []]);
      return lines[0]?.replaceAll(`${folder.path}/`, "");
    };
    // No such form can be drawn: had it been tried, that would be the refusal.
    expect(await refusal("no/such/x.gif")).to.equal('err: Cannot draw into "no/such/x.gif": the folder "no/such" does not exist');
    expect(await refusal("note/x.gif")).to.equal('err: Cannot draw into "note/x.gif": the folder "note" is not a folder');
    const { exitCode, lines } = await running(["-V", folder.file("full.txt")]);
    expect(exitCode).to.equal(2);
    expect(lines[0]).to.match(/^err: Cannot write the picture ".*full\.txt": EISDIR/);
  });

  it("refuses a picture where this user may not write, before it draws", async function () {
    // Root may write everywhere.
    if (process.getuid?.() === 0) this.skip();
    await writeFile(folder.file("old.gif"), "", { mode: 0o400 });
    await mkdir(folder.file("locked"), { mode: 0o500 });
    const refusal = async (file: string) => (await running(["-V", folder.file(file)])).lines.join().replaceAll(`${folder.path}/`, "");
    expect(await refusal("locked/x.gif")).to.equal('err: Cannot draw into "locked/x.gif": the folder "locked" may not be written');
    expect(await refusal("old.gif")).to.equal('err: Cannot draw into "old.gif": the file may not be written');
  });

  it("refuses an environment that has no file", async () => {
    await writeFile(folder.file("staging.yaml"), "");
    const unknown = await running(["-e", "stagin"], app, { conf: folder.path });
    expect([unknown.exitCode, unknown.lines[0]?.replaceAll(folder.path, "conf").replace(/conf\S*conf/, "conf")]).to.deep.equal([
      2,
      'err: Unknown environment "stagin": conf has staging. Did you mean "staging"?',
    ]);
  });
});
