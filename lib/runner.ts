/** Makes any system a program: command line, signals, exit code. */
import { access, constants, writeFile } from "node:fs/promises";
import { dirname, extname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { readArguments, RUNNER_OPTIONS, type Arguments, type OptionValues, type ProgramOption, type ProgramOptions } from "./arguments.js";
export type { OptionValues, ProgramOption, ProgramOptions } from "./arguments.js";
import { environmentsIn, formatConfiguration, withoutSecret, settingsHelp, type ConfigSource } from "./config.js";
import { HIDDEN, SECRET_NAME, show } from "./config-text.js";
import { AbortedError, ComponentFailedError, ConfigError, StopError, UsageError } from "./errors.js";
import { firstLine, plural, printable } from "./wording.js";
import type { Logger } from "./lifecycle.js";
import type { SystemMap } from "./map.js";
import { render } from "./render.js";
import type { Running } from "./running.js";
import { type AnySystem, type StartOptions, System } from "./system.js";

/** What a program's `main` may end with. */
export interface Outcome {
  /** default 0 */
  readonly exitCode?: number;
  /** printed once everything has stopped: the last thing a user sees */
  readonly closing?: string;
}

/** What `main` receives beside the running system. */
export interface MainContext {
  /** fires when the program was asked to stop; `main` should then come to its end */
  readonly signal: AbortSignal;
  /** the configuration's name: `localhost` */
  readonly env: string;
  /** the command line that starts it once more, as it was given */
  readonly again: string;
}

/** A program around a system. What the engine takes is passed on to `start()`; `log` is by default a short line each on the process's stderr. */
export interface Program<O extends ProgramOptions = {}> extends Pick<StartOptions, "concurrency" | "stopTimeoutMs" | "onEvent" | "log"> {
  readonly name: string;
  /** what it does, a few words */
  readonly doc?: string;
  /** how it is called, for the help; default as it was started: `node dist/main.js` */
  readonly command?: string;
  /** the folder of its configuration files; default none */
  readonly conf?: string | URL;
  readonly options?: O;
  /** The work. Without one, the program is a service that runs until it is asked to stop. */
  readonly main?: (running: Running, options: OptionValues<O>, context: MainContext) => Promise<Outcome | void> | Outcome | void;
}

/** The process as the runner sees it. */
export interface Host {
  readonly argv: readonly string[];
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** how the program was started; absent where no file was named: its name stands for it */
  readonly command?: string | undefined;
  /** Calls back at each of these signals; returns how to stop that. */
  onSignal(listener: (signal: Signal) => void): () => void;
  /** Calls back at each error that nobody caught, also of a promise; returns how to stop that. Absent: such an error is another's concern. */
  onUncaught?(listener: (error: unknown) => void): () => void;
  exit(code: number): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/** What a system must also be, for the compiler to name what it lacks. */
type Whole<A> =
  A extends System<infer P, infer R> ? ([Exclude<R, P>] extends [never] ? unknown : `missing component: ${Exclude<R, P>}`) : never;

const STOPPING = {
  SIGINT: "Interrupted: stopping in order (Ctrl-C again ends at once)",
  SIGTERM: "Asked to stop: stopping in order (a second signal ends at once)",
  SIGHUP: "The terminal was closed: stopping in order (another signal ends at once)",
};
const UNCAUGHT = "An error was not caught: stopping in order";
const EXIT = { done: 0, failed: 1, usage: 2, SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
/** How long `main` may take to come to its end once everything has stopped. */
const MAIN_MS = 2_000;
const FOREVER_MS = 2 ** 31 - 1;

/**
 * Runs a system as a program, then ends the process.
 *
 * Exit codes: 0 done; 1 failed; 2 the command line or the configuration was refused, nothing was started; 129, 130 or 143 where a
 * `main` was interrupted by SIGHUP, SIGINT or SIGTERM. A service (no `main`) that was asked to stop, also while it started, and did
 * exits with 0. The first signal stops in order, a second one ends the process at once; but a SIGHUP after another signal changes
 * nothing, since a terminal that closes sends it twice. An error that nobody caught stops in order too, then is told: exit code 1.
 */
export async function run<const O extends ProgramOptions = {}>(
  app: (options: OptionValues<O>) => AnySystem,
  program: Program<O>,
): Promise<void>;
export async function run<A extends AnySystem, const O extends ProgramOptions = {}>(app: A & Whole<A>, program: Program<O>): Promise<void>;
export async function run<const O extends ProgramOptions = {}>(
  app: AnySystem | ((options: OptionValues<O>) => AnySystem),
  program: Program<O>,
): Promise<void> {
  const host = processHost();
  const exitCode = await execute(app, program, host);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  host.exit(exitCode);
}

/** As `run`, on any host; returns the exit code instead of ending the process. */
export async function execute<const O extends ProgramOptions = {}>(
  app: AnySystem | ((options: OptionValues<O>) => AnySystem),
  program: Program<O>,
  host: Host,
): Promise<number> {
  try {
    const given = readArguments(host.argv, program.options ?? {});
    const made = app instanceof System ? app : app(given.values as OptionValues<O>);
    const source = sourceOf(program, given, host);
    const command = program.command ?? host.command ?? program.name;
    switch (given.action) {
      case "help":
        print(host.stdout, help(made, program, command, source));
        return EXIT.done;
      case "check":
        return check(made, source, host);
      case "config":
        return showConfiguration(made, source, host);
      case "visualize":
        return await visualize(made.map(), given.file, host);
      case "run":
        return await start(made, { ...program, command }, given, source, host);
    }
  } catch (error) {
    print(host.stderr, explain(error));
    return exitCodeOf(error);
  }
}

async function start<O extends ProgramOptions>(
  made: AnySystem,
  program: Program<O> & { readonly command: string },
  given: Arguments,
  config: ConfigSource,
  host: Host,
): Promise<number> {
  const interruption = new AbortController();
  let interruptedBy: Signal | undefined;
  const forgetSignals = host.onSignal((signal) => {
    if (!interruptedBy) {
      interruptedBy = signal;
      print(host.stderr, STOPPING[signal]);
      interruption.abort(new AbortedError(`Stopped by ${signal}`));
    } else if (signal !== "SIGHUP") host.exit(EXIT[signal]);
  });
  const uncaught: unknown[] = [];
  const forgetUncaught = host.onUncaught?.((error) => {
    if (uncaught.length === 0) print(host.stderr, UNCAUGHT);
    uncaught.push(error);
    interruption.abort(new AbortedError("Stopped by an error that was not caught", { cause: error }));
  });
  const { signal } = interruption;
  const asked = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  // A program whose components hold nothing open would otherwise end here.
  const alive = setInterval(() => {}, FOREVER_MS);
  try {
    const { main, command, concurrency, stopTimeoutMs, onEvent, log = streamLogger(host.stderr) } = program;
    const running = await made.start({ config, signal, concurrency, stopTimeoutMs, onEvent, log });
    const context = { signal, env: given.env ?? "localhost", again: commandLine(made, command, host.argv) };
    const failures: unknown[] = [];
    const failed = (error: unknown): Outcome => {
      if (!signal.aborted || !isAbort(error)) failures.push(error);
      return {};
    };
    const working = main && (async () => (await main(running, given.values as OptionValues<O>, context)) ?? {})().catch(failed);
    await Promise.race([working, asked, running.closed].filter((one) => one !== undefined));
    const stopping = running.stop().catch(failed);
    interruption.abort(new AbortedError("The system is being stopped"));
    await stopping;
    const outcome = (await Promise.race([working, delay(MAIN_MS)])) ?? {};
    const { reason, exitCode } = await running.closed;
    if (reason !== undefined && exitCode !== 0) print(host.stderr, explain(reason));
    // Where a component ended the system, the engine has logged what did not stop.
    const told = reason instanceof ComponentFailedError ? [reason, reason.cause] : [reason];
    const untold = failures.filter((error) => !told.includes(error) && !(error instanceof StopError && reason !== undefined));
    for (const error of untold) print(host.stderr, explain(error));
    if (outcome.closing) print(host.stdout, outcome.closing);
    if (uncaught.length > 0) return EXIT.failed;
    if (interruptedBy && working) return EXIT[interruptedBy];
    if (reason !== undefined && exitCode !== 0) return exitCode;
    return outcome.exitCode || (failures.length > 0 ? exitCodeOf(failures[0]) : exitCode);
  } catch (error) {
    if (!(error instanceof AbortedError)) throw error;
    if (uncaught.length > 0) return EXIT.failed;
    if (!interruptedBy) throw error;
    return program.main ? EXIT[interruptedBy] : EXIT.done;
  } finally {
    clearInterval(alive);
    forgetSignals();
    forgetUncaught?.();
    for (const error of uncaught) print(host.stderr, error instanceof Error ? (error.stack ?? error.message) : firstLine(error));
  }
}

/** Secrets are hidden: it is printed. */
function commandLine(made: AnySystem, command: string, argv: readonly string[]): string {
  if (argv.length === 0) return command.replace(/ --$/, "");
  return [command, ...argv.map((one) => quoted(withoutSecret(one, made.sections())))].join(" ");
}

function quoted(word: string): string {
  return /^[\w./:=@,+•-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function check(made: AnySystem, source: ConfigSource, host: Host): number {
  const problems = made.check(source);
  const count = plural(made.size, "component");
  if (problems.length === 0) {
    print(host.stdout, `${count}, no problems`);
    return EXIT.done;
  }
  print(host.stderr, [`${count}, ${plural(problems.length, "problem")}`, ...problems.map(({ message }) => `  ✖ ${message}`)].join("\n"));
  return EXIT.failed;
}

function showConfiguration(made: AnySystem, source: ConfigSource, host: Host): number {
  const { configuration, problems } = made.configuration(source);
  if (problems.length > 0) throw new ConfigError(problems);
  print(host.stdout, formatConfiguration(configuration, made.sections()));
  return EXIT.done;
}

/**
 * Writes a map to a file, in the form its ending names: .png .svg .dot .json .txt; for `-` as text to stdout.
 *
 * @throws {UsageError} for any other ending, and where the file cannot be written; where that can be known, before it is drawn
 */
async function visualize(map: SystemMap, file: string, host: Pick<Host, "stdout">): Promise<number> {
  if (file === "-") {
    print(host.stdout, map.text());
    return EXIT.done;
  }
  await checkWritable(file);
  const picture = await drawn(map, file);
  await writeFile(file, picture).catch((cause: unknown) => {
    throw new UsageError(`Cannot write the picture "${file}": ${firstLine(cause)}`, { cause });
  });
  print(host.stdout, `${file}: ${plural(map.model.nodes.length, "component")}`);
  return EXIT.done;
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

function help<O extends ProgramOptions>(
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

function sourceOf(program: Pick<Program, "conf">, given: Arguments, host: Host): ConfigSource {
  const { conf } = program;
  const dir = conf instanceof URL ? fileURLToPath(conf) : conf;
  return {
    overrides: given.overrides,
    environment: host.environment,
    ...(dir === undefined ? {} : { dir: relative("", dir).startsWith("..") ? dir : relative("", dir) || "." }),
    ...(given.env === undefined ? {} : { env: given.env }),
  };
}

/** An error as a user should read it; the stack only where it is a defect of the program. */
function explain(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause;
  const isDefect = [TypeError, ReferenceError, RangeError, SyntaxError].some(
    (one) => innermost instanceof one && innermost.constructor === one,
  );
  const stack = isDefect && innermost instanceof Error ? innermost.stack : undefined;
  const message = (error instanceof Error && error.message) || firstLine(error);
  if (stack === undefined) return message;
  return innermost === error ? stack : `${message}\n${stack}`;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof AbortedError && error.exitCode !== undefined) return error.exitCode;
  return error instanceof UsageError || error instanceof ConfigError ? EXIT.usage : EXIT.failed;
}

function isAbort(error: unknown): boolean {
  return error instanceof AbortedError || (error instanceof Error && error.name === "AbortError");
}

function print(stream: NodeJS.WritableStream, text: string): void {
  stream.write(`${text}\n`);
}

function streamLogger(stream: NodeJS.WritableStream): Logger {
  const line = (prefix: string) => (fields: object, message: string) => print(stream, prefix + message + beside(fields, message));
  return { debug: () => {}, info: line(""), warn: line("warning: "), error: line("error: ") };
}

/** ` (component="db", ECONNREFUSED)`: fields that the message does not name already; of an error its code, of other objects nothing. */
function beside(fields: object, message: string): string {
  const facts = Object.entries(fields).flatMap(([name, value]: [string, unknown]) => {
    if (value instanceof Error) return "code" in value && typeof value.code === "string" ? [value.code] : [];
    if (value === undefined || typeof value === "object" || typeof value === "function") return [];
    if (typeof value === "string" && message.includes(value)) return [];
    return [`${name}=${SECRET_NAME.test(name) ? HIDDEN : show(value)}`];
  });
  return facts.length > 0 ? printable(` (${facts.join(", ")})`) : "";
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}

function processHost(): Host {
  // Whoever reads us may go away (`| head -1`): the work goes on, unseen.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  return {
    argv: process.argv.slice(2),
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    command: started(process.argv[1]),
    onSignal: (listener) => {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => SIGNALS.forEach((signal) => process.off(signal, listener));
    },
    // A rejection that nobody handles arrives here too, unless the program or Node's options want it otherwise.
    onUncaught: (listener) => {
      process.on("uncaughtException", listener);
      return () => process.off("uncaughtException", listener);
    },
    exit: (code) => process.exit(code),
  };
}

/** `node dist/main.js`; undefined where Node was given no file. */
function started(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const near = relative("", file);
  return `node ${quoted(near.startsWith("..") ? file : near)}`;
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => (stream.writable ? stream.write("", () => resolve()) : resolve()));
}
