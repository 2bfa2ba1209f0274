/** The types that settings and options have. */
import { component, config, key, run, schema, system, type OptionValues, type Settings } from "../../lib/index.js";
import { same } from "./same.js";

const fields = schema({
  count: { doc: "natural", format: "nat", default: 0 },
  jobs: { doc: "positive", format: "positive", default: 1 },
  offset: { doc: "whole", format: "int", default: -1 },
  port: { doc: "port", format: "port", default: 80 },
  patience: { doc: "duration", format: "duration", default: 1_000 },
  ratio: { doc: "number", format: Number, default: 0.5 },
  url: { doc: "address", format: "url", default: "http://127.0.0.1", env: "URL" },
  name: { doc: "text", format: String, default: "x", sensitive: true },
  dry: { doc: "switch", format: Boolean, default: false },
  mode: { doc: "one of", format: ["plain", "live"], default: "live" },
  path: { doc: "text or none", format: String, default: null },
  limit: { doc: "number or none", format: "nat", default: null },
});

same<
  Settings<typeof fields>,
  {
    readonly count: number;
    readonly jobs: number;
    readonly offset: number;
    readonly port: number;
    readonly patience: number;
    readonly ratio: number;
    readonly url: string;
    readonly name: string;
    readonly dry: boolean;
    readonly mode: "plain" | "live";
    readonly path: string | null;
    readonly limit: number | null;
  }
>(true);

// @ts-expect-error no such format
schema({ count: { doc: "natural", format: "natural", default: 0 } });
// @ts-expect-error a setting has a doc
schema({ count: { format: "nat", default: 0 } });

component(key<number>()("frozen"), {
  needs: { settings: config(fields) },
  start: ({ settings }) => {
    // @ts-expect-error settings are frozen
    settings.count = 5;
    // @ts-expect-error no such setting
    return Number(settings.counts);
  },
});

const options = { file: { short: "f", value: "IDS", doc: "only these" }, dry: { doc: "write nothing" } } as const;
same<OptionValues<typeof options>, { readonly file: string | undefined; readonly dry: boolean | undefined }>(true);

export const program = (): Promise<void> =>
  run(system(), {
    name: "app",
    options: { file: { value: "IDS", doc: "only these" }, dry: { doc: "write nothing" } },
    main: (_running, { file, dry }) => {
      same<typeof file, string | undefined>(true);
      same<typeof dry, boolean | undefined>(true);
    },
  });
