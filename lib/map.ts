/** A system drawn: as text, JSON or DOT. */
import { type DrawOptions, mapDot } from "./map-dot.js";
import type { MapModel } from "./map-model.js";
import { mapText } from "./map-text.js";

export type { DrawOptions } from "./map-dot.js";
export type { MapEdge, MapModel, MapNode } from "./map-model.js";

/** A snapshot of a system, before, during or after a start; the same model gives the same text, JSON and DOT every time. */
export class SystemMap {
  constructor(readonly model: MapModel) {}

  /**
   * A tree of lines: first what nobody needs, below each what it needs. What was shown before is named once more with ↑, a cycle
   * ends with ↻. Behind a name stand its milliseconds, `*` on the critical path, its condition and what it says about itself.
   */
  text(): string {
    return mapText(this.model);
  }

  /** The model, indented by two spaces. */
  json(): string {
    return JSON.stringify(this.model, null, 2);
  }

  /** Graphviz source; `render()` makes a picture of it. */
  dot(options: DrawOptions = {}): string {
    return mapDot(this.model, options);
  }
}
