/** Makes any system a program; what it takes to run one is loaded when one runs. */
import type { OptionValues, Program, ProgramOptions } from "./program.js";
import type { AnySystem, System } from "./system.js";

/** What a system must also be, for the compiler to name what it lacks. */
type Whole<A> =
  A extends System<infer P, infer R> ? ([Exclude<R, P>] extends [never] ? unknown : `missing component: ${Exclude<R, P>}`) : never;

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
  const [{ execute }, { drained, processHost }] = await Promise.all([import("./execution.js"), import("./process-host.js")]);
  const host = processHost();
  const exitCode = await execute(app, program, host);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  host.exit(exitCode);
}
