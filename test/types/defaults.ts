/** The defaults that a setting may have. */
import { schema, type Schema } from "../../lib/index.js";

const several: Schema = { size: { doc: "of any", format: "nat", default: 0 } };
const some: number = 5;

export const schemas = [
  schema(several),
  schema({ size: { doc: "computed", format: "nat", default: some } }),
  schema({
    wait: { doc: "in ms", format: "duration", default: 1_500 },
    pause: { doc: "with its unit", format: "duration", default: "15 s" },
  }),
  schema({ mode: { doc: "one of", format: ["plain", "live"], default: "live" }, path: { doc: "or none", format: String, default: null } }),
  // @ts-expect-error a number is expected
  schema({ size: { doc: "rows", format: "nat", default: "5abc" } }),
  // @ts-expect-error a text is expected
  schema({ name: { doc: "text", format: String, default: 5 } }),
  // @ts-expect-error a text is expected
  schema({ url: { doc: "address", format: "url", default: false } }),
  // @ts-expect-error true or false is expected
  schema({ dry: { doc: "switch", format: Boolean, default: "true" } }),
  // @ts-expect-error one of the list is expected
  schema({ mode: { doc: "one of", format: ["plain", "live"], default: "auto" } }),
  // @ts-expect-error null is said where there is none
  schema({ size: { doc: "rows", format: "nat", default: undefined } }),
];
