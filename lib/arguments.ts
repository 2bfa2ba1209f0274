/** Reads a command line: the program's options, the runner's own, and `component/key=value`. */
import { parseArgs } from "node:util";
import { UsageError } from "./errors.js";
import { didYouMean } from "./wording.js";
import type { Override } from "./config.js";

/** One option of a program. */
export interface ProgramOption {
  readonly doc: string;
  /** one letter */
  readonly short?: string;
  /** what stands for its value in the help; absent: a switch */
  readonly value?: string;
  /** the setting it stands for: `customer-migration/dry-run`; a switch sets it to true */
  readonly setting?: string;
}

export type ProgramOptions = Readonly<Record<string, ProgramOption>>;

/** What was given for each option: a text, true for a switch, undefined where it was not given. */
export type OptionValues<O extends ProgramOptions> = {
  readonly [K in keyof O]: (O[K]["value"] extends string ? string : boolean) | undefined;
};

/** A command line, read. */
export interface Arguments {
  readonly action: "run" | "help" | "check" | "config" | "visualize";
  /** where the picture goes */
  readonly file: string;
  readonly env: string | undefined;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly overrides: readonly Override[];
}

/** The options every program has. */
export const RUNNER_OPTIONS = {
  env: { short: "e", value: "NAME", doc: "which configuration file counts (localhost)" },
  visualize: { short: "V", value: "[FILE]", doc: "draw the system (system.png; .svg .dot .json .txt) and exit" },
  check: { doc: "say every problem and exit" },
  config: { doc: "say every setting and where it comes from, and exit" },
  help: { short: "h", doc: "this page" },
} as const satisfies ProgramOptions;

const DEFAULT_PICTURE = "system.png";

/** @throws {UsageError} for an unknown option, one without its value, or a word that is neither option nor setting */
export function readArguments(argv: readonly string[], own: ProgramOptions): Arguments {
  const all: ProgramOptions = { ...own, ...RUNNER_OPTIONS };
  const options = Object.entries(all).map(([name, { short, value }]) => [
    name,
    { type: value === undefined || name === "visualize" ? ("boolean" as const) : ("string" as const), ...(short ? { short } : {}) },
  ]);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, string | boolean> = {};
  const overrides: Override[] = [];
  let file: string | undefined;
  let pictureAt: number | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      if (pictureAt === token.index - 1 && !token.value.includes("=")) file = token.value;
      else if (/^[^=]+\/[^=]+=/.test(token.value)) overrides.push({ text: token.value, source: `argument ${token.index + 1}` });
      else
        throw new UsageError(`Cannot understand argument ${token.index + 1}, ${JSON.stringify(token.value)}`, {
          fix: "settings are written component/setting=value; --help lists them",
        });
      continue;
    }
    const { name, rawName, value } = token;
    const option = Object.hasOwn(all, name) ? all[name] : undefined;
    if (!option)
      throw new UsageError(
        `Unknown option "${rawName}"${didYouMean(
          rawName,
          Object.keys(all).map((one) => `--${one}`),
        )}`,
        { fix: "--help lists the options" },
      );
    if (name === "visualize") {
      pictureAt = token.index;
      file = value;
    } else if (option.value !== undefined && (!value || (!token.inlineValue && /^-./.test(value))))
      throw new UsageError(`Option "${rawName}" needs a value: ${rawName} ${option.value}`);
    else if (option.value === undefined && value !== undefined) throw new UsageError(`Option "${rawName}" takes no value, got "${value}"`);
    values[name] = value ?? true;
    if (option.setting) overrides.push({ text: `${option.setting}=${value ?? true}`, source: rawName });
  }
  const action = (["help", "visualize", "check", "config"] as const).find((name) => values[name] !== undefined) ?? "run";
  return { action, file: file ?? DEFAULT_PICTURE, env: values.env as string | undefined, values, overrides };
}
