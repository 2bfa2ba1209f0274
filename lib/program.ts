/** The contract between a program, the runner and the process: what each is told of the others. */
import type { OptionValues, ProgramOptions } from "./arguments.js";
import type { Running } from "./running.js";
import type { StartOptions } from "./system.js";

export type { OptionValues, ProgramOption, ProgramOptions } from "./arguments.js";

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

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";
