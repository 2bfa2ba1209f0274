/**
 * Every error class and code of the library; nothing else defines one.
 *
 * A message's first line says who wanted what, the value received and why it failed; the lines below it
 * say the path to whoever asked, and what to do.
 */
import { describe, didYouMean, duration, firstLine, plural, printable } from "./wording.js";

/** Every `code` an error of this library carries; docs/errors.md says when each is thrown and what to do. */
export type ErrorCode =
  | "ARGUMENT"
  | "USAGE"
  | "SYSTEM_INVALID"
  | "CONFIG_INVALID"
  | "COMPONENT_DUPLICATE"
  | "COMPONENT_UNKNOWN"
  | "START_FAILED"
  | "STOP_FAILED"
  | "COMPONENT_FAILED"
  | "TIMEOUT"
  | "ABORTED"
  | "STATE"
  | "INJECTION"
  | "PEER_MISSING"
  | "CHANNEL_CLOSED"
  | "RENDER_FAILED"
  | "STAND_IN"
  | "CONNECTION"
  | "LISTEN"
  | "SERVER_BINARY"
  | "SERVER_START"
  | "ALREADY_RUNNING"
  | "MIGRATION_INPUT"
  | "MIGRATION_STATE"
  | "MIGRATION_FAILED"
  | "MIGRATION_FILE"
  | "FENCED";

/** What an error carries beside its first line. */
export interface ErrorDetails {
  /** the component concerned */
  readonly component?: string | undefined;
  /** who asked for it, outermost first */
  readonly path?: readonly string[] | undefined;
  /** what to do, a sentence without a full stop */
  readonly fix?: string | undefined;
  readonly cause?: unknown;
  /** further lines of the message, each one fact */
  readonly notes?: readonly string[] | undefined;
}

/** The base of every error of this library: a `code` to branch on, and a printable message that says what to do. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly component: string | undefined;
  readonly path: readonly string[] | undefined;
  readonly fix: string | undefined;
  /** the further lines of the message */
  readonly notes: readonly string[];

  constructor(code: ErrorCode, summary: string, details: ErrorDetails = {}) {
    super(compose(summary, details), "cause" in details ? { cause: details.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.component = details.component;
    this.path = details.path;
    this.fix = details.fix;
    this.notes = details.notes ?? [];
  }
}

/** The base of errors that differ from others only by their code. */
function withCode(code: ErrorCode): new (summary: string, details?: ErrorDetails) => MillraceError {
  return class extends MillraceError {
    constructor(summary: string, details?: ErrorDetails) {
      super(code, summary, details);
    }
  };
}

function compose(summary: string, { path, fix, notes = [] }: ErrorDetails): string {
  const lines = [summary];
  if (path && path.length > 1) lines.push(`  path: ${path.join(" -> ")}`);
  if (fix) lines.push(`  fix:  ${fix}`);
  for (const note of notes) lines.push(`  ${note}`);
  return lines.map(printable).join("\n");
}

/** A function was called with a value it cannot take. */
export class ArgumentError extends MillraceError {
  constructor(name: string, expected: string, received: unknown) {
    super("ARGUMENT", `Expected \`${name}\` to be ${expected}, got ${describe(received)}`);
  }
}

/** The command line cannot be understood; the runner prints it and exits with 2. */
export class UsageError extends withCode("USAGE") {}

/** One thing wrong with a system or its configuration, as data. */
export interface Problem {
  readonly kind: "missing" | "cycle" | "duplicate" | "untyped" | "invalid" | "config" | "unknown section";
  /** the component it was found at, or the section */
  readonly component: string;
  /** the whole sentence, without a full stop */
  readonly message: string;
  /** of the kind `unknown section`: its name, credentials masked */
  readonly section?: string;
}

/** The graph of a system has missing, duplicate, cyclic or untyped needs; nothing was started. */
export class SystemError extends MillraceError {
  readonly problems: readonly Problem[];
  constructor(components: number, problems: readonly Problem[]) {
    super("SYSTEM_INVALID", countProblems(plural(components, "component"), problems), {
      component: problems[0]?.component,
      notes: problems.map((problem) => `✖ ${problem.message}`),
    });
    this.problems = problems;
  }
}

/** The configuration has unknown, mistyped or missing settings; nothing was started. */
export class ConfigError extends MillraceError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    const [only] = problems;
    const single = problems.length === 1 && only;
    super("CONFIG_INVALID", single ? single.message : countProblems("configuration", problems), {
      component: only?.component,
      notes: single ? [] : problems.map((problem) => `✖ ${problem.message}`),
    });
    this.problems = problems;
  }
}

function countProblems(what: string, problems: readonly Problem[]): string {
  return `${what}, ${plural(problems.length, "problem")}`;
}

/** Two definitions stand under one key. */
export class DuplicateComponentError extends MillraceError {
  constructor(component: string, first: string, second: string) {
    super("COMPONENT_DUPLICATE", `Component "${component}" is defined twice: ${first} and ${second}`, {
      component,
      fix: `give one of them another key, or use replace("${component}", …)`,
    });
  }
}

/** A key was named that no component of the system has. */
export class UnknownComponentError extends MillraceError {
  constructor(component: string, known: readonly string[], doing: string) {
    super("COMPONENT_UNKNOWN", `Cannot ${doing} "${component}": the system has no such component${didYouMean(component, known)}`, {
      component,
    });
  }
}

/** A component took longer than it may. */
export class TimeoutError extends MillraceError {
  readonly ms: number;
  constructor(what: string, ms: number, details?: ErrorDetails) {
    super("TIMEOUT", `${what} did not finish within ${duration(ms)}`, details);
    this.ms = ms;
  }
}

/** The work was given up because somebody asked for it (a signal, a stop, a component's `shutdown`). */
export class AbortedError extends MillraceError {
  /** what the program should exit with, where a component's `shutdown` said so */
  readonly exitCode: number | undefined;
  constructor(summary: string, details: ErrorDetails & { readonly exitCode?: number } = {}) {
    super("ABORTED", summary, details);
    this.exitCode = details.exitCode;
  }
}

/** Something was asked of a system or component in a state in which it cannot do it. */
export class StateError extends withCode("STATE") {}

/** A class cannot be built by injection: a parameter without a type that exists at run time, or tsyringe refused it. */
export class InjectionError extends withCode("INJECTION") {}

/** An optional package is needed and not installed. */
export class MissingPeerError extends MillraceError {
  constructor(peer: string, neededBy: string, cause: unknown) {
    super("PEER_MISSING", `${neededBy} needs the package "${peer}", which is not installed`, { fix: `npm install ${peer}`, cause });
  }
}

/** A value was put into a closed channel. */
export class ChannelClosedError extends MillraceError {
  constructor() {
    super("CHANNEL_CLOSED", "The channel is closed, nothing can be put into it");
  }
}

/** A map could not be drawn. */
export class RenderError extends withCode("RENDER_FAILED") {}

/** A stand-in was asked, in a test, for a member that it does not have. */
export class StandInError extends withCode("STAND_IN") {}

/** A database could not be reached or is not fit for use. */
export class ConnectionError extends withCode("CONNECTION") {}

/** A server cannot listen at the address it was given. */
export class ListenError extends withCode("LISTEN") {}

/** No usable server program was found or could be fetched. */
export class ServerBinaryError extends withCode("SERVER_BINARY") {}

/** An embedded server did not come up. */
export class ServerStartError extends withCode("SERVER_START") {}

/** Somebody else is doing this work already. */
export class AlreadyRunningError extends withCode("ALREADY_RUNNING") {}

/** What a migration was given to work on cannot be read. */
export class MigrationInputError extends withCode("MIGRATION_INPUT") {}

/** The saved state of a migration is unreadable or belongs to another one. */
export class MigrationStateError extends withCode("MIGRATION_STATE") {}

/** A migration ended before its work was done; its state was saved. */
export class MigrationFailedError extends withCode("MIGRATION_FAILED") {}

/** A migration file failed, cannot be used, or does not go together with what is recorded. */
export class MigrationFileError extends MillraceError {
  /** the first that is concerned */
  readonly file: string | undefined;
  /** those that were applied, or undone, before it */
  readonly done: readonly string[];
  constructor(summary: string, details: ErrorDetails & { readonly file?: string; readonly done?: readonly string[] } = {}) {
    super("MIGRATION_FILE", summary, details);
    this.file = details.file;
    this.done = details.done ?? [];
  }
}

/** A store refused a write, because another process has taken the lead since. */
export class FencedError extends MillraceError {
  /** of whoever leads now */
  readonly epoch: number;
  constructor(name: string, epoch: number, own: number, cause?: unknown) {
    super("FENCED", `Cannot write for "${name}": another process leads since epoch ${epoch}, this one had epoch ${own}`, {
      fix: "nothing is wrong: this process waits until the lease is free, and leads again",
      cause,
    });
    this.epoch = epoch;
  }
}

/** One hook of one component that failed. */
export interface HookFailure {
  readonly component: string;
  readonly hook: "start" | "stop";
  readonly error: unknown;
}

/** What a `StartError` knows beside its message. */
export interface StartFailure {
  readonly component: string;
  readonly path: readonly string[];
  readonly cause: unknown;
  /** what failed after the first failure, in order: other starts, then stops of the rollback */
  readonly later: readonly HookFailure[];
  readonly started: readonly string[];
  readonly notStarted: readonly string[];
  readonly rolledBack: readonly { readonly component: string; readonly ms: number }[];
}

/**
 * A component failed to start; whatever had started has been stopped in reverse.
 * `cause` is what the component threw, untouched.
 */
export class StartError<M = unknown> extends MillraceError {
  /** what failed after it, in order: other starts, then stops of the rollback */
  readonly errors: readonly unknown[];
  readonly started: readonly string[];
  readonly notStarted: readonly string[];
  /** the system at the moment of failure, ready to be drawn */
  readonly map: M;

  constructor(failure: StartFailure, map: M) {
    const { component, cause, later, rolledBack } = failure;
    const isLate = cause instanceof TimeoutError && cause.component === component;
    const why = isLate ? `it did not finish within ${duration(cause.ms)}` : firstLine(cause);
    const notes = cause instanceof MillraceError ? [...cause.notes] : [];
    if (rolledBack.length > 0) notes.push(`rolled back: ${rolledBack.map((one) => `${one.component} (${duration(one.ms)})`).join(", ")}`);
    for (const one of later) notes.push(`also: "${one.component}" failed to ${one.hook}: ${firstLine(one.error)}`);
    const fix = cause instanceof MillraceError ? cause.fix : undefined;
    super("START_FAILED", `Component "${component}" failed to start: ${why}`, {
      component,
      path: failure.path,
      fix: fix ?? (isLate ? "find out what its start waits for, or raise its timeoutMs.start" : undefined),
      cause,
      notes,
    });
    this.errors = later.map(({ error }) => error);
    this.started = failure.started;
    this.notStarted = failure.notStarted;
    this.map = map;
  }
}

/** A component that had started said that it is broken for good (`context.fail`); `cause` is what it said, untouched. */
export class ComponentFailedError extends MillraceError {
  constructor(component: string, path: readonly string[], cause: unknown) {
    const fix = cause instanceof MillraceError ? cause.fix : undefined;
    super("COMPONENT_FAILED", `Component "${component}" failed: ${firstLine(cause)}`, { component, path, fix, cause });
  }
}

/** One or more components failed to stop, or ran out of the time for all; the others were stopped. `errors` is in the order of stopping. */
export class StopError extends AggregateError {
  readonly code = "STOP_FAILED" satisfies ErrorCode;
  readonly components: readonly string[];

  /** @param limitMs the time that all stops together had, where that ran out */
  constructor(failures: readonly { readonly component: string; readonly error: unknown }[], limitMs?: number) {
    const lines = failures.map(({ component, error }) => printable(`Component "${component}" failed to stop: ${firstLine(error)}`));
    const late = limitMs === undefined ? "" : `The system did not stop within ${duration(limitMs)}: `;
    const summary = `${late}${plural(lines.length, "component")} failed to stop`;
    super(
      failures.map(({ error }) => error),
      lines.length === 1 && limitMs === undefined ? lines[0] : [summary, ...lines.map((line) => `  ✖ ${line}`)].join("\n"),
    );
    this.name = "StopError";
    this.components = failures.map(({ component }) => component);
  }
}
