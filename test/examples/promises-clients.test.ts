/** The clients of the example promises: the forms of a file, and what faker.js prints. */
import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { clientsIn } from "../../examples/promises/clients-file.js";
import { elementsOf } from "../../examples/promises/json-array.js";
import { madeClients } from "../../examples/promises/made-clients.js";
import { built } from "../support/examples.js";
import { rejection } from "../support/outcome.js";
import { runNode } from "../support/run-node.js";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.js";

const FAKER = built("promises/faker.js");
const ADA = { name: "Ada", stillClient: true };
const BOB = { name: 'B"o\\b [}] {,', stillClient: false, orders: [[1, 2], []] };
const TEXT = JSON.stringify([ADA, BOB], null, 1);

async function* chunked(text: string, length: number): AsyncGenerator<string> {
  for (let from = 0; from < text.length; from += length) yield text.slice(from, from + length);
}

describe("the clients of the example promises", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(() => folder.remove());

  /** What is read from a file of that text. */
  async function read(name: string, text: string | Uint8Array): Promise<unknown[]> {
    await writeFile(folder.file(name), text);
    const found: unknown[] = [];
    for await (const client of clientsIn(folder.file(name))) found.push(client);
    return found;
  }

  /** The first line of the error, without the folder. */
  async function refusal(name: string, text: string | Uint8Array): Promise<string> {
    const { message } = (await rejection(read(name, text))) as Error;
    return (message.split("\n", 1)[0] ?? "").replace(`${folder.path}/`, "");
  }

  describe("reads clients", () => {
    for (const [form, name, text] of [
      ["as faker.js prints them", "data.js", `exports.clients = ${TEXT};\n`],
      ["with module.exports", "data.cjs", `module.exports = ${TEXT}`],
      ["with module.exports.clients", "data.js", `\n\n  module.exports.clients=${TEXT} ; `],
      ["as a default export", "data.mjs", `export default ${TEXT};`],
      ["as an exported constant", "data.js", `export const clients = ${TEXT};`],
      ["as a JSON array", "data.json", TEXT],
      ["behind a byte order mark", "data.json", `\uFEFF${TEXT}`],
      ["with the line ends of Windows", "data.js", `exports.clients =\r\n${TEXT.replaceAll("\n", "\r\n")};\r\n`],
      ["one a line", "data.ndjson", `${JSON.stringify(ADA)}\n${JSON.stringify(BOB)}\n`],
      ["one a line, with blank lines and no last line break", "data.jsonl", `\r\n${JSON.stringify(ADA)}\r\n\n${JSON.stringify(BOB)}`],
    ] as const) {
      it(form, async () => expect(await read(name, text)).to.deep.equal([ADA, BOB]));
    }

    it("wherever their text is cut on its way", async () => {
      const text = `exports.clients = ${TEXT};`;
      for (let length = 1; length <= text.length; length++) {
        const found: unknown[] = [];
        for await (const element of elementsOf(chunked(text, length), (problem) => new Error(problem)))
          found.push(JSON.parse(element.text));
        expect(found, `cut every ${length}`).to.deep.equal([ADA, BOB]);
      }
    });

    it("of which each has an _id, and of more bytes than are read at once", async () => {
      const many = Array.from({ length: 3_000 }, (_, index) => ({
        _id: `client-${index}`,
        stillClient: index % 3 > 0,
        name: "Žofie ".repeat(9),
      }));
      expect(await read("data.json", JSON.stringify(many))).to.deep.equal(many);
      expect(await read("data.ndjson", many.map((one) => JSON.stringify(one)).join("\n"))).to.deep.equal(many);
    });

    it("while they are asked for", async () => {
      await writeFile(folder.file("data.ndjson"), `${JSON.stringify(ADA)}\nbroken\n`);
      const reading = clientsIn(folder.file("data.ndjson"));
      expect(await reading.next()).to.deep.equal({ done: false, value: ADA });
      expect(await rejection(reading.next())).to.be.an("error");
    });
  });

  describe("refuses a file", () => {
    it("and says which name goes with which form", async () => {
      const fix = async (name: string, text: string) => /fix: {2}(.*)/.exec(((await rejection(read(name, text))) as Error).message)?.[1];
      expect(await fix("data.ndjson", TEXT)).to.match(/^by its name the file has a client a line, .* is called \.json or \.js$/);
      expect(await fix("data.json", `${JSON.stringify(ADA)}\n${JSON.stringify(BOB)}\n`)).to.match(
        /with a client a line is called \.ndjson$/,
      );
      expect(await fix("data.js", "exports.clients = []")).to.match(/^node dist\/examples\/promises\/faker\.js .* > data\.js makes one/);
    });

    const OPENING = "expected `[`, perhaps with `exports.clients =` before it, got";
    const ada = JSON.stringify(ADA);
    for (const [what, name, text, where] of [
      ["that is empty", "a.js", "", `line 1, column 1: ${OPENING} nothing`],
      ["of code", "a.js", "import fs from 'fs'; fs.x([])", `line 1, column 1: ${OPENING} \`import fs from 'fs'; fs.x(\``],
      ["of another form", "a.csv", "name,stillClient\nAda,true\n", `line 1, column 1: ${OPENING} \`name,stillClient\``],
      ["that never begins an array", "a.js", "x".repeat(70_000), `line 1, column 1: ${OPENING} \`${"x".repeat(39)}…\``],
      ["with a comma too many", "a.js", `[\n  ${ada},\n]`, "line 3, column 1: expected a client, got `]`"],
      ["with a gap", "a.js", `[${ada},,${ada}]`, "line 1, column 36: expected a client, got `,`"],
      ["that goes on", "a.js", `[${ada}];\nrun()`, "line 2, column 1: expected the end of the file, got `run()`"],
      ["that ends in a client", "a.js", `[\n{"name":`, "line 2, column 1: expected the end of this client, got the end of the file"],
      ["that ends in a text", "a.js", '[{"name": "A', "line 1, column 2: expected the end of this client, got the end of the file"],
      ["that ends behind a client", "a.js", `[${ada}`, "line 1, column 2: expected `,` or `]` behind this client, got the end of the file"],
      ["that ends behind a comma", "a.js", `[${ada},`, "line 1, column 36: expected a client, got the end of the file"],
      ["that ends at once", "a.js", "[", "line 1, column 2: expected a client or `]`, got the end of the file"],
      ["with a client that is none", "a.js", `[${ada}, 5]`, "line 1, column 37: client 2: expected a client in braces, got 5"],
      ["with a client in brackets", "a.js", `[[${ada}]]`, `line 1, column 2: client 1: expected a client in braces, got [${ada}]`],
      [
        "without stillClient",
        "a.js",
        `[${ada},\n {"name":"B"}]`,
        'line 2, column 2: client 2: expected "stillClient": true or false, got none',
      ],
      [
        "with a stillClient of text",
        "a.ndjson",
        `${ada}\n\n{"stillClient":"yes"}`,
        'line 3, column 1: client 2: expected "stillClient": true or false, got "yes"',
      ],
      [
        "with an _id that is none",
        "a.js",
        '[{"_id":{},"stillClient":true}]',
        'line 1, column 2: client 1: expected "_id" to be a text, a number or absent, got {}',
      ],
      [
        "with one _id twice",
        "a.ndjson",
        '{"_id":1,"stillClient":true}\n{"_id":1,"stillClient":true}',
        'line 2, column 1: client 2: expected an "_id" of its own, got that of client 1: 1',
      ],
      [
        "where an _id comes late",
        "a.ndjson",
        `${ada}\n{"_id":1,"stillClient":true}`,
        'line 2, column 1: client 2: expected no "_id", as the clients before it have none',
      ],
      [
        "where an _id is left out",
        "a.ndjson",
        `{"_id":1,"stillClient":true}\n${ada}`,
        'line 2, column 1: client 2: expected an "_id", as the clients before it have',
      ],
    ] as const) {
      it(`${what}, and says where`, async () =>
        expect(await refusal(name, text)).to.equal(`Cannot read the clients in "${name}", ${where}`));
    }

    it("that is no JSON, and says where the parser stopped", async () => {
      expect(await refusal("a.js", '[\n  {"stillClient":\n    true "name" }]')).to.match(
        /^Cannot read the clients in "a.js", line 3, column 10: .+$/,
      );
      expect(await refusal("a.ndjson", `${ada}\n{'name':"A"}\n`)).to.match(/^Cannot read the clients in "a.ndjson", line 2, column 2: .+$/);
    });

    it("without any client", async () => {
      expect(await refusal("a.json", " [ ] ")).to.equal('There is no client in "a.json"');
      expect(await refusal("a.ndjson", "\n\n")).to.equal('There is no client in "a.ndjson"');
    });

    it("that is not there, is a folder or is not UTF-8", async () => {
      const missing = (await rejection(clientsIn(folder.file("nowhere.js")).next())) as Error;
      expect(missing.message).to.match(/^Cannot read the clients in ".*nowhere\.js": ENOENT: .*\n {2}fix: {2}name a file of clients/);
      const isFolder = (await rejection(clientsIn(folder.path).next())) as Error;
      expect(isFolder.message).to.match(/^Cannot read the clients in ".*": it is a folder\n/);
      expect(await refusal("a.json", Buffer.from(`\uFEFF[${ada}]`, "utf16le"))).to.equal(
        'Cannot read the clients in "a.json": it is not UTF-8',
      );
      expect(await refusal("a.json", Buffer.from('[{"name":"\xe9"}]', "latin1"))).to.equal(
        'Cannot read the clients in "a.json": it is not UTF-8',
      );
    });

    it("of code, without running it", async () => {
      const trap = globalThis as { isSprung?: boolean };
      await refusal("a.js", "globalThis.isSprung = true; exports.clients = []");
      await refusal("b.js", `exports.clients = [${ada}, (globalThis.isSprung = true)]`);
      expect(trap.isSprung).to.equal(undefined);
    });
  });

  describe("faker.js", () => {
    it("prints clients in a form that is read again, the same ones for the same seed", async () => {
      const first = await runNode([FAKER, "--clients", "1500"]);
      expect([first.exitCode, first.stderr]).to.deep.equal([0, ""]);
      expect(first.stdout).to.match(/^exports\.clients = \[\n\{"name":.*\},\n[^]*\}\n\];\n$/);
      expect(await read("data.js", first.stdout)).to.deep.equal([...madeClients(1_500, 1)]);

      const [same, other] = await Promise.all(["1", "2"].map((seed) => runNode([FAKER, "--clients", "1500", "--seed", seed])));
      expect(same?.stdout).to.equal(first.stdout);
      expect(await read("other.js", other?.stdout ?? ""))
        .to.have.length(1_500)
        .and.not.deep.equal([...madeClients(1_500, 1)]);
    });

    it("makes no more than is read, and is quiet when its reader goes away", async () => {
      const child = spawn(process.execPath, [FAKER, "--clients", "1000000000"], { stdio: ["ignore", "pipe", "pipe"] });
      let complaints = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
      const ended = once(child, "close");
      await once(child.stdout, "data");
      child.stdout.destroy();
      expect(await ended).to.deep.equal([0, null]);
      expect(complaints).to.equal("");
    });

    it("refuses what it does not understand, with exit code 2", async () => {
      const refused = await Promise.all(
        [["--clients=-5"], ["--clients", "many"], ["--client", "5"]].map((args) => runNode([FAKER, ...args])),
      );
      expect(refused.map(({ exitCode, stdout, stderr }) => [exitCode, stdout, stderr.split("\n", 1)[0]])).to.deep.equal([
        [2, "", 'faker/clients = "-5" (--clients): expected a whole number from 1 up'],
        [2, "", 'faker/clients = "many" (--clients): expected a whole number from 1 up'],
        [2, "", 'Unknown option "--client". Did you mean "--clients"?'],
      ]);
    });

    it("has a page of help", async () => {
      const { exitCode, stdout } = await runNode([FAKER, "--help"]);
      expect(exitCode).to.equal(0);
      expect(stdout)
        .to.match(/^faker: prints made-up clients/)
        .and.to.include("--seed N");
    });
  });
});
