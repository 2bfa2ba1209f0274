/** The verification of a data migration by what it is defined by. */
import type { Collection, Document } from "mongodb";
import { StateError } from "../../lib/index.js";
import { byEdit, byTransform } from "./convert.js";
import { changeByEdit, changeByTransform } from "./convert-in-place.js";
import type { Definition, Ends } from "./definition.js";
import { seenBy } from "./listed-source.js";
import type { Range } from "./range.js";
import type { OpenRange } from "./range-scanner.js";
import type { RangeSettings } from "./range-settings.js";
import type { Edit } from "./transform.js";
import { expectConverted, expectPiped, expectRouted } from "./verify-expectation.js";
import { verifyMigration, type Verifiable } from "./verify-migration.js";
import type { Verification, VerifyBy } from "./verify-result.js";
import type { VerifyJob } from "./verify.js";

/** Compares what the migration has done with what it should have done. */
export function verifyDefinition(
  definition: Definition,
  ends: Ends,
  { verify, verifyFieldOrder }: RangeSettings,
  open: OpenRange | undefined,
  job: VerifyJob,
): Promise<Verification | undefined> {
  if (!open) throw new StateError("There is nothing to verify: no run is open");
  const source = definition.collection(ends);
  const place = { source, filter: definition.source.filter, into: definition.database(ends) };
  return verifyMigration(verify as VerifyBy, verifiable(definition, source, verifyFieldOrder, open), place, open, job);
}

function verifiable(definition: Definition, source: Collection, hasFieldOrder: boolean, open: OpenRange): Verifiable {
  const { options, collections, isInPlace, routes } = definition;
  const { transform, pipeline, route } = options;
  const edit = options.edit as Edit<Document, string>;
  const context = { run: open.run, startedAt: open.startedAt };
  const { filter } = definition.source;
  if (isInPlace) {
    const mark = definition.mark(open.number);
    const byFunction = transform ? changeByTransform(transform, mark, context) : options.edit && changeByEdit(edit, mark, context);
    return { mark, convert: byFunction };
  }
  const how = { collections, hasFieldOrder };
  if (route) return { ...how, expect: expectRouted(source, filter, routes) };
  if (pipeline) return { ...how, expect: expectPiped(source, filter, pipeline, collections[0] ?? "") };
  const convert = transform ? byTransform(transform, collections, context) : byEdit(edit, collections, context);
  return { ...how, expect: expectConverted((range: Range) => seenBy(range, source, open.ids), filter, convert) };
}
