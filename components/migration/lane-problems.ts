/** Which lanes go with which effects, targets and servers, and what is wrong with those that do not. */
import type { Document } from "mongodb";
import { plural } from "../../lib/index.js";
import { idProblems } from "./pipeline-ids.js";
import type { Source, Target } from "./endpoints.js";

/** How a write is made safe against being done twice. */
export type Effect = "replace" | "marker" | "transaction";

export type LaneName = "transform" | "edit" | "route" | "pipeline";

/** What is looked at of a migration's options. */
interface Described extends Partial<Record<"transform" | "edit", unknown>> {
  readonly source: Source;
  readonly target?: Target;
  readonly route?: Readonly<Record<string, Document>>;
  readonly pipeline?: readonly Document[];
  readonly parseId?: unknown;
}

/** Every pair that would not do what it says, a sentence each. */
export function laneProblems(options: Described, lane: LaneName, effect: Effect): readonly string[] {
  const { source, target, route, pipeline = [], parseId } = options;
  const isInPlace = target === undefined;
  const isInServer = lane === "route" || lane === "pipeline";
  const problems: string[] = [];
  const given = (["transform", "edit", "route", "pipeline"] as const).filter((one) => options[one] !== undefined);
  if (given.length !== 1) problems.push(`expected one of transform, edit, route and pipeline, got ${given.join(" and ") || "none"}`);
  if (effect === "marker" && !isInPlace)
    problems.push('effect "marker" is for documents that are changed in place; leave target away, or use "replace"');
  if (effect === "replace" && isInPlace) problems.push('effect "replace" needs a target; in place it is "marker"');
  if (effect === "transaction" && isInServer)
    problems.push(`effect "transaction" does not go with ${lane}: the server does a range at once, and not in a transaction`);
  if (lane === "route" && isInPlace) problems.push("route copies documents unchanged, and so needs a target");
  if (isInServer && target && source.connection.name !== target.connection.name)
    problems.push(`${lane} works inside one server; from "${source.connection.name}" to "${target.connection.name}" use transform or edit`);
  if (target && target.collections.length === 0) problems.push("into() names no collection");
  if (target && route) {
    const odd = Object.keys(route).filter((one) => !target.collections.includes(one));
    if (odd.length > 0) problems.push(`route names ${odd.map((one) => `"${one}"`).join(", ")}, which into() does not`);
  }
  if (target && lane === "pipeline" && target.collections.length > 1)
    problems.push(`pipeline has one target, into() names ${plural(target.collections.length, "collection")}`);
  problems.push(...idProblems(pipeline));
  if (isInServer && parseId !== undefined) problems.push(`parseId is for transform and edit; the server does ${lane} range by range`);
  if (target?.connection.name === source.connection.name && target.db === source.db && target.collections.includes(source.collection))
    problems.push(`"${source.collection}" is source and target; to change documents in place, leave target away`);
  return problems;
}
