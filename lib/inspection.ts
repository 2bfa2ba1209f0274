/** What a program says of its system without starting it: problems, settings, picture, help. */
import { access, constants, writeFile } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { RUNNER_OPTIONS, type ProgramOption, type ProgramOptions } from "./arguments.js";
import { environmentsIn, formatConfiguration, settingsHelp, type ConfigSource } from "./config.js";
import { ConfigError, UsageError } from "./errors.js";
import type { SystemMap } from "./map.js";
import { print } from "./program-output.js";
import type { Host, Program } from "./program.js";
import { render } from "./render.js";
import type { AnySystem } from "./system.js";
import { firstLine, plural } from "./wording.js";

/** Prints every problem; true where there is none. */
export function check(made: AnySystem, source: ConfigSource, host: Host): boolean {
  const problems = made.check(source);
  const count = plural(made.size, "component");
  if (problems.length === 0) {
    print(host.stdout, `${count}, no problems`);
    return true;
  }
  print(host.stderr, [`${count}, ${plural(problems.length, "problem")}`, ...problems.map(({ message }) => `  ✖ ${message}`)].join("\n"));
  return false;
}

/**
 * Prints every setting.
 *
 * @throws {ConfigError} where they are wrong
 */
export function showConfiguration(made: AnySystem, source: ConfigSource, host: Host): void {
  const { configuration, problems } = made.configuration(source);
  if (problems.length > 0) throw new ConfigError(problems);
  print(host.stdout, formatConfiguration(configuration, made.sections()));
}

/**
 * Writes a map to a file, in the form its ending names: .png .svg .dot .json .txt; for `-` as text to stdout.
 *
 * @throws {UsageError} for any other ending, and where the file cannot be written; where that can be known, before it is drawn
 */
export async function visualize(map: SystemMap, file: string, host: Pick<Host, "stdout">): Promise<void> {
  if (file === "-") return print(host.stdout, map.text());
  await checkWritable(file);
  const picture = await drawn(map, file);
  await writeFile(file, picture).catch((cause: unknown) => {
    throw new UsageError(`Cannot write the picture "${file}": ${firstLine(cause)}`, { cause });
  });
  print(host.stdout, `${file}: ${plural(map.model.nodes.length, "component")}`);
}

/** A file that is there already may stand in a folder that takes no new ones. */
async function checkWritable(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  const folder = dirname(file);
  await access(isThere ? file : `${folder}/`, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "does not exist" : cause.code === "ENOTDIR" ? "is not a folder" : "may not be written";
    throw new UsageError(`Cannot draw into "${file}": ${isThere ? "the file" : `the folder "${folder}"`} ${why}`, { cause });
  });
}

async function drawn(map: SystemMap, file: string): Promise<string | Uint8Array> {
  switch (extname(file).toLowerCase()) {
    case ".png":
      return render(map, { format: "png" });
    case ".svg":
      return render(map, { format: "svg" });
    case ".dot":
      return map.dot();
    case ".json":
      return `${map.json()}\n`;
    case ".txt":
      return `${map.text()}\n`;
    default:
      throw new UsageError(`Cannot draw into "${file}": expected a name that ends in .png, .svg, .dot, .json or .txt`);
  }
}

export function help<O extends ProgramOptions>(
  made: AnySystem,
  { name, doc, options }: Program<O>,
  command: string,
  source: ConfigSource,
): string {
  const environments = environmentsIn(source.dir ?? "").map((one) => (one === "localhost" ? `${one} (default)` : one));
  const env = environments.length > 0 ? { ...RUNNER_OPTIONS.env, doc: environments.join(", ") } : RUNNER_OPTIONS.env;
  const all = Object.entries<ProgramOption>({ ...options, ...RUNNER_OPTIONS, env });
  const rows = all.map(([option, { short, value }]) => `${short ? `-${short}, ` : "    "}--${option}${value ? ` ${value}` : ""}`);
  const width = Math.max(...rows.map((row) => row.length));
  const settings = settingsHelp(made.sections(), made.configuration(source).configuration);
  return [
    doc ? `${name}: ${doc}` : name,
    "",
    `  ${command} [options] [component/setting=value …]`,
    "",
    ...rows.map((row, index) => `  ${row.padEnd(width)}  ${all[index]?.[1].doc ?? ""}`),
    ...(settings ? ["", "Settings (and what they are now)", settings] : []),
  ].join("\n");
}
