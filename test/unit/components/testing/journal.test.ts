/** A journal of lifecycle events. */
import { expect } from "chai";
import { AssertionError } from "node:assert";
import { journal, startForTest } from "../../../../components/testing/index.js";
import { component, key, system } from "../../../../lib/index.js";
import { rejection } from "../../../support/outcome.js";

const Db = key<string>()("db");
const app = (start: () => string = () => "app") =>
  system(component(Db, { start: () => "db" }), component(key<string>()("app"), { needs: { db: Db }, start }));

describe("a journal", () => {
  it("holds what happened, as plain texts, and the test's own lines between them", async () => {
    const { events, onEvent } = journal();
    const running = await startForTest(app(), { onEvent });
    events.push("the test");
    await running.stop();
    expect(events).to.deep.equal([
      ...["starting db", "started db", "starting app", "started app", "the test"],
      ...["stopping app", "stopped app", "stopping db", "stopped db"],
    ]);
  });

  it("says why something failed, and what was rolled back", async () => {
    const { events, onEvent } = journal();
    const broken = () => {
      throw new Error("no route to host\nat all");
    };
    await rejection(startForTest(app(broken), { onEvent }));
    expect(events.slice(2)).to.deep.equal([
      ...["starting app", "failed app: no route to host"],
      ...["rollingBack", "stopping db", "stopped db", "rolledBack", 'failed: Component "app" failed to start: no route to host'],
    ]);
  });

  it("accepts an order, whatever came between", async () => {
    const { events, onEvent, expectOrder } = journal();
    await using _ = await startForTest(app(), { onEvent });
    expectOrder();
    expectOrder("starting db", "started app");
    events.push("again", "again");
    expectOrder("started app", "again", "again");
    expect(() => expectOrder("again", "again", "again")).to.throw('Expected "again" after "again", but it only came before');
  });

  it("refuses a wrong order as an assertion that any test runner knows, and says what came", async () => {
    const { events, onEvent, expectOrder } = journal();
    await using _ = await startForTest(app(), { onEvent });
    const expected = ["started app", "starting db"] as const;
    expect(() => expectOrder(...expected))
      .to.throw(AssertionError)
      .that.deep.includes({
        actual: events,
        expected,
        message: 'Expected "starting db" after "started app", but it only came before\n  ' + events.join("\n  "),
      });
  });

  it("says that something never came, and what may have been meant", async () => {
    const { onEvent, expectOrder } = journal();
    await using _ = await startForTest(app(), { onEvent });
    expect(() => expectOrder("started bd")).to.throw('Expected "started bd", but it never came. Did you mean "started db"?');
  });
});
