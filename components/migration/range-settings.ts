/** The settings of a data migration's scanner and migrator. */
import { schema, type Settings } from "../../lib/index.js";
import { limitOf } from "./skip-limit.js";
import { steeringSchema } from "./steering.js";

export type RangeSettings = Settings<typeof rangeSchema>;

export const rangeSchema = schema({
  chunk: { doc: "documents a chunk: read, written and checkpointed together", format: "positive", default: 1_000 },
  ...steeringSchema,
  threads: { doc: "threads that run the transform, where the migration names its module", format: "positive", default: 1 },
  ranges: { doc: "how many ranges the source is divided into; 0: by its size", format: "nat", default: 0 },
  idsFile: {
    doc: "migrate only the ids in this file, one a line (transform, edit)",
    format: String,
    default: null,
    check: (path: string): string | undefined => (path === "" ? "a file" : undefined),
  },
  reset: { doc: "give an unfinished or complete run up and begin a new one", format: Boolean, default: false },
  retry: { doc: "try the dead letters of this migration again, and nothing else", format: Boolean, default: false },
  resume: { doc: "only go on: refused where there is nothing to go on with", format: Boolean, default: false },
  skipLimit: {
    doc: "failures that do not end the run: a number, or a share of what was read (5%)",
    format: String,
    default: "0",
    check: (text: string) => (limitOf(text) ? undefined : "a number from 0 up, or a percentage such as 5%"),
  },
  verify: {
    doc: "once all is done, compare the target with what it should be: no, by count (and _id), or by hash; not in a dry run",
    format: ["no", "count", "hash"],
    default: "no",
  },
  verifyFieldOrder: { doc: "verify by hash: documents whose fields are in another order differ", format: Boolean, default: true },
});

/** As `rangeSchema`; a lane that is done inside the server takes no file of ids. */
export function rangeSchemaOf(lane: "transform" | "edit" | "route" | "pipeline"): typeof rangeSchema {
  if (lane === "transform" || lane === "edit") return rangeSchema;
  const check = () => `none: the server does the lane ${lane} range by range, and a file of ids is for transform and edit`;
  return { ...rangeSchema, idsFile: { ...rangeSchema.idsFile, check } };
}
