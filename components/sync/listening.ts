/** What both listeners are: a component that works while this process leads, and tells how far behind it is. */
import { component, type Key, type Part } from "../../lib/index.js";
import type { LeadersWork } from "./leadership.js";
import type { OpenSync } from "./open-sync.js";
import { Pulse } from "./pulse.js";

/** One direction of a sync. */
export interface DirectionListener {
  /** how far behind the last change was that it carried, in ms; 0 before the first */
  readonly lagMs: number;
}

/** A direction that is listened to. */
export abstract class Listening implements DirectionListener {
  readonly pulse: Pulse;
  protected readonly open: OpenSync;
  readonly #part: string;
  #ends: readonly (() => Promise<void>)[] = [];

  constructor(open: OpenSync, part: string) {
    this.open = open;
    this.#part = part;
    this.pulse = new Pulse(open.core, part);
    open.maintenance.waitFor(part);
  }

  get lagMs(): number {
    return this.pulse.lagMs;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
  }

  /** Does these whenever this process leads, until the stop. */
  protected lead(works: readonly LeadersWork[]): void {
    this.#ends = works.map((work) => this.open.core.leadership.lead(work));
  }

  /** A batch is done. @param writtenMs when its last change was written; undefined where it was empty */
  protected readonly onBatch = (writtenMs: number | undefined): void => {
    const { core, maintenance } = this.open;
    const lagMs = writtenMs === undefined ? 0 : core.now() - writtenMs;
    this.pulse.beat(lagMs);
    maintenance.tell(this.#part, lagMs);
  };
}

/** The component of a direction. */
export function listener(of: Key<unknown>, as: Key<unknown>, begin: (open: OpenSync) => Listening): Part {
  return component(as as Key<Listening>, {
    needs: { sync: of as Key<OpenSync> },
    start: ({ sync }) => begin(sync),
    stop: (listening) => listening.stop(),
    health: (listening) => listening.pulse.check(),
    look: { shape: "hexagon" },
  });
}
