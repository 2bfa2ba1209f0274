/** Who called a function, in a few numbers: a stack would keep its functions and all they can reach. */
import { require } from "./require.js";

export interface CallSite {
  /** absent where code has none */
  readonly file: string | undefined;
  /** from 1 up, as is `column` */
  readonly line: number;
  readonly column: number;
}

export const NOWHERE: CallSite = { file: undefined, line: 0, column: 0 };

/** Who called `below`. */
export function callSite(below: (...args: never[]) => unknown): CallSite {
  const { stackTraceLimit, prepareStackTrace } = Error;
  const error = { stack: NOWHERE };
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = siteOf;
  Error.captureStackTrace(error, below);
  const site = error.stack;
  Error.stackTraceLimit = stackTraceLimit;
  Error.prepareStackTrace = prepareStackTrace;
  return site;
}

/** `system.ts:12`; in the source, where Node was started with source maps. */
export function textOf({ file, line, column }: CallSite): string {
  if (file === undefined) return "somewhere";
  const { findSourceMap } = require("node:module") as typeof import("node:module");
  const found = findSourceMap(file)?.findEntry(line - 1, column - 1);
  const { originalSource, originalLine } = found && "originalSource" in found ? found : { originalSource: file, originalLine: line - 1 };
  return `${/[^/\\]*$/.exec(originalSource)?.[0]}:${originalLine + 1}`;
}

function siteOf(_: Error, [caller]: readonly NodeJS.CallSite[]): CallSite {
  if (!caller) return NOWHERE;
  return { file: caller.getFileName() ?? undefined, line: caller.getLineNumber() ?? 0, column: caller.getColumnNumber() ?? 0 };
}
