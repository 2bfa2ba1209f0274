/** docs/errors.md has every error class and code of the library, and no other. */
import { expect } from "chai";
import { readFileSync } from "node:fs";
import * as errors from "../../lib/errors.js";

const source = readFileSync("lib/errors.ts", "utf8");
const page = readFileSync("docs/errors.md", "utf8");

/** As a row of the page begins: `CODE` and `ClassError`. */
interface Row {
  readonly code: string;
  readonly name: string;
}

const documented = [...page.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm)].map(
  ([, code, name]) => ({ code, name }) as Row,
);

/** The classes that have a code; their base has none of its own. */
function defined(): Row[] {
  return source.split(/^export class /m).flatMap((text) => {
    const code = /(?:withCode|super)\("([A-Z_]+)"|readonly code = "([A-Z_]+)"/.exec(text.split(/^}/m, 1)[0] ?? "");
    const name = /^\w+/.exec(text)?.[0] ?? "";
    return code ? [{ code: code[1] ?? code[2] ?? "", name }] : [];
  });
}

describe("docs/errors.md", () => {
  it("names every code of ErrorCode, in its order", () => {
    const union = /export type ErrorCode =([^;]+);/.exec(source)?.[1] ?? "";
    const codes = [...union.matchAll(/"([A-Z_]+)"/g)].map(([, code]) => code);
    expect(codes).to.include("START_FAILED");
    expect(documented.map(({ code }) => code)).to.deep.equal(codes);
  });

  it("says for every class which code it carries", () => expect(documented).to.have.deep.members(defined()));

  it("leaves out no error class", () => {
    const classes = Object.values(errors).filter((one) => one.prototype instanceof Error && one !== errors.MillraceError);
    expect(documented.map(({ name }) => name)).to.have.members(classes.map(({ name }) => name));
  });
});
