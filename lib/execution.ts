/** One execution of a program: command line, settings, start, `main`, signals, exit code. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { readArguments, type Arguments } from "./arguments.js";
import { withoutSecret, type ConfigSource } from "./config.js";
import { AbortedError, ComponentFailedError, ConfigError, StopError, UsageError } from "./errors.js";
import { check, help, showConfiguration, visualize } from "./inspection.js";
import { explain, print, quoted, streamLogger } from "./program-output.js";
import type { Host, Outcome, OptionValues, Program, ProgramOptions, Signal } from "./program.js";
import { type AnySystem, System } from "./system.js";
import { firstLine } from "./wording.js";

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
        return check(made, source, host) ? EXIT.done : EXIT.failed;
      case "config":
        showConfiguration(made, source, host);
        return EXIT.done;
      case "visualize":
        await visualize(made.map(), given.file, host);
        return EXIT.done;
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

function exitCodeOf(error: unknown): number {
  if (error instanceof AbortedError && error.exitCode !== undefined) return error.exitCode;
  return error instanceof UsageError || error instanceof ConfigError ? EXIT.usage : EXIT.failed;
}

function isAbort(error: unknown): boolean {
  return error instanceof AbortedError || (error instanceof Error && error.name === "AbortError");
}

function delay(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
