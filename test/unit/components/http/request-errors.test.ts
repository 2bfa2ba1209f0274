/** What a client is told of an error. */
import { expect } from "chai";
import { statusOf, wordsOf } from "../../../../components/http/request-errors.js";

describe("the status of an error", () => {
  for (const [carried, status] of [
    [400, 400],
    [599, 599],
    [399, 500],
    [600, 500],
    [200, 500],
    ["404", 500],
    [undefined, 500],
  ] as const) {
    it(`is ${status} where it carries ${JSON.stringify(carried) ?? "none"}`, () =>
      expect(statusOf({ statusCode: carried })).to.equal(status));
  }
  for (const thrown of [undefined, null, "text", 7]) {
    it(`is 500 where ${String(thrown)} was thrown`, () => expect(statusOf(thrown)).to.equal(500));
  }
});

describe("the words of an error", () => {
  const invalid = (keyword: string, params: object) => Object.assign(new Error("body/a is wrong"), { validation: [{ keyword, params }] });

  for (const [what, error, words] of [
    ["the values allowed", invalid("enum", { allowedValues: ["a", 1, null] }), 'body/a is wrong: "a", 1, null'],
    ["the only value allowed", invalid("const", { allowedValue: 5 }), "body/a is wrong: 5"],
    ["the name that is too much", invalid("additionalProperties", { additionalProperty: "b" }), 'body/a is wrong: "b"'],
    ["no more than was said", invalid("type", { type: "string" }), "body/a is wrong"],
    ["the first line of another error", new Error("one\ntwo"), "one"],
  ] as const) {
    it(`have ${what}`, () => expect(wordsOf(error)).to.equal(words));
  }
});
