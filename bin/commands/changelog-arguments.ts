/** Takes the command line of a program apart that has words in it, which the runner knows nothing of. */
import { parseArgs } from "node:util";
import type { ProgramOptions } from "millrace";

interface CommandLine {
  /** what is neither option nor setting */
  readonly words: readonly string[];
  /** the options that have a text */
  readonly given: Readonly<Record<string, string>>;
  /** `component/setting=value` */
  readonly overrides: readonly string[];
  /** all but the words */
  readonly rest: readonly string[];
  /** only a look is asked for: help, a map, a check, the settings */
  readonly isLook: boolean;
}

const LOOKS = ["help", "visualize", "check", "config"];

/** Whatever is wrong in it is left to the runner. */
export function readCommandLine(args: readonly string[], options: ProgramOptions): CommandLine {
  const own = Object.entries(options).map(([name, { short, value }]) => [
    name,
    { type: value === undefined ? ("boolean" as const) : ("string" as const), ...(short ? { short } : {}) },
  ]);
  const runners = {
    env: { type: "string", short: "e" },
    help: { type: "boolean", short: "h" },
    visualize: { type: "boolean", short: "V" },
  } as const;
  const { tokens, values } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(own), ...runners },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const isSetting = (text: string) => /^[^=]+\/[^=]+=/.test(text);
  const positionals = tokens.filter((one) => one.kind === "positional");
  const pictures = tokens.flatMap((one) => (one.kind === "option" && one.name === "visualize" ? [one.index + 1] : []));
  const words = positionals.filter(({ value, index }) => !isSetting(value) && !pictures.includes(index));
  const indices = new Set(words.map(({ index }) => index));
  return {
    words: words.map(({ value }) => value),
    given: Object.fromEntries(Object.entries(values).filter((one): one is [string, string] => typeof one[1] === "string")),
    overrides: positionals.map(({ value }) => value).filter(isSetting),
    rest: args.filter((_, index) => !indices.has(index)),
    isLook: tokens.some((one) => one.kind === "option" && LOOKS.includes(one.name)),
  };
}
