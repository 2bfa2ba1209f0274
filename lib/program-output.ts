/** What a program writes: errors as a user should read them, log lines, commands. */
import { HIDDEN, SECRET_NAME, show } from "./config-text.js";
import type { Logger } from "./lifecycle.js";
import { firstLine, printable } from "./wording.js";

export function print(stream: NodeJS.WritableStream, text: string): void {
  stream.write(`${text}\n`);
}

/** An error as a user should read it; the stack only where it is a defect of the program. */
export function explain(error: unknown): string {
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

/** A short line for each entry; without those for debugging. */
export function streamLogger(stream: NodeJS.WritableStream): Logger {
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

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./:=@,+•-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
