/** Notes lifecycle events as plain texts, and says whether they came in an order. */
import { AssertionError } from "node:assert";
import { didYouMean, firstLine, type LifecycleEvent, type LifecycleListener } from "../../lib/index.js";

/** What happened in a system, in the order in which it happened. */
export interface Journal {
  /** `starting db`, `started db`, `failed db: no route to host`, `rollingBack`; push lines of your own between them */
  readonly events: string[];
  /** for the option of the same name of `start()` and `startForTest()` */
  readonly onEvent: LifecycleListener;
  /**
   * Passes where these came in this order, whatever came between them.
   *
   * @throws {AssertionError} Node's own, with all that came
   */
  readonly expectOrder: (...expected: readonly string[]) => void;
}

/** An empty journal. Its lines hold no times, so that whole lists of them can be compared. */
export function journal(): Journal {
  const events: string[] = [];
  return {
    events,
    onEvent: (event) => void events.push(lineOf(event)),
    expectOrder: (...expected) => expectOrder(events, expected),
  };
}

function lineOf(event: LifecycleEvent): string {
  const who = "component" in event && event.component !== undefined ? ` ${event.component}` : "";
  return `${event.type}${who}${event.type === "failed" ? `: ${firstLine(event.error)}` : ""}`;
}

function expectOrder(events: readonly string[], expected: readonly string[]): void {
  let from = 0;
  for (const [index, line] of expected.entries()) {
    const at = events.indexOf(line, from);
    if (at < 0) {
      const wanted = index === 0 ? `"${line}"` : `"${line}" after "${expected[index - 1]}"`;
      const found = events.includes(line) ? ", but it only came before" : `, but it never came${didYouMean(line, events)}`;
      const message = [`Expected ${wanted}${found}`, ...events.map((event) => `  ${event}`)].join("\n");
      throw new AssertionError({ message, actual: [...events], expected, operator: "expectOrder", stackStartFn: expectOrder });
    }
    from = at + 1;
  }
}
