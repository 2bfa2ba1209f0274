/** Components that write what happens to them into one log. */
import { component, key, type Group, type LifecycleEvent, type Part, type StartContext, type Timeouts } from "../../lib/index.js";

interface Hooks {
  /** default: the component's name is its value */
  readonly start?: (context: StartContext) => unknown;
  readonly stop?: (value: unknown, needs: Readonly<Record<string, unknown>>) => unknown;
  readonly health?: () => unknown;
  readonly timeoutMs?: Timeouts;
  readonly in?: readonly Group<unknown>[];
}

export interface Journal {
  /** `start a`, `stop a`; what `onEvent` heard too, if it was used */
  readonly log: string[];
  /** A component that needs others by their names. */
  part(name: string, needs?: readonly string[], hooks?: Hooks): Part<string, unknown>;
  /** Writes events as `starting a`, `started a`, `failed a: boom`, `rollingBack`. */
  readonly onEvent: (event: LifecycleEvent) => void;
}

export function journal(): Journal {
  const log: string[] = [];
  return {
    log,
    part: (name, needs = [], { start, stop, ...options } = {}) =>
      component(key<unknown>()(name), {
        ...options,
        needs: Object.fromEntries(needs.map((need) => [need, key<unknown>()(need)])),
        start: (_needs, context) => {
          log.push(`start ${name}`);
          return start ? start(context) : name;
        },
        stop: (value, received) => {
          log.push(`stop ${name}`);
          return stop?.(value, received);
        },
      }),
    onEvent: (event) => {
      const who = "component" in event && event.component !== undefined ? ` ${event.component}` : "";
      const why = event.type === "failed" && who && event.error instanceof Error ? `: ${event.error.message}` : "";
      log.push(`${event.type}${who}${why}`);
    },
  };
}
