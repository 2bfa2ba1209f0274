/** What a system's failed start says, as the one who reads it sees it. */
import { expect } from "chai";
import { inspect } from "node:util";
import { StartError, system, type AnyPart } from "../../lib/index.js";
import { rejection } from "./outcome.js";

/** A failed start: the component's own error, and all that a log would hold of it. */
export interface FailedStart {
  readonly cause: unknown;
  readonly firstLine: string;
  readonly fix: string;
  readonly everything: string;
  readonly ms: number;
}

/** Starts a system of one part, which has to fail. */
export async function failedStart(part: AnyPart, overrides: readonly string[], signal?: AbortSignal): Promise<FailedStart> {
  const beganAt = performance.now();
  const error = await rejection(system(part).start({ config: { overrides }, signal }));
  expect(error).to.be.instanceOf(StartError);
  const { cause, message, fix } = error as StartError;
  const [firstLine = ""] = message.split("\n");
  return { cause, firstLine, fix: fix ?? "", everything: inspect(error, { depth: 20 }), ms: performance.now() - beganAt };
}
