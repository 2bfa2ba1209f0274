/** `millrace ctl`: says how a migration gets on, and asks something of it, from another process. */
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { didYouMean, run, UsageError } from "millrace";
import { runStatus, steerRun, type ControlChange, type RunStatus } from "millrace/migration";
import { Mongo } from "millrace/mongo";
import { CONF, ledgerSystem } from "./ledger-program.js";

const EXPECTED = "Expected: millrace ctl RUN [pause | resume | set NAME=VALUE …]";

/** @throws {UsageError} when the arguments do not say what is asked of which run */
export async function ctlCommand(args: readonly string[]): Promise<void> {
  const { words, rest } = apart(args);
  const isHelp = rest.some((one) => one === "-h" || one === "--help");
  const [called = "", ...asked] = words;
  if (called === "" && !isHelp) throw new UsageError(EXPECTED);
  const change = changeOf(asked);
  // The runner reads what is left: options and settings.
  process.argv.splice(2, process.argv.length, ...rest);
  await run(ledgerSystem, {
    name: "ctl",
    doc: "says how a migration gets on; pauses, resumes, changes it from the next chunk on",
    command: "millrace ctl RUN [pause | resume | set rate=… chunk=… processes=…]",
    ...(CONF === undefined ? {} : { conf: CONF }),
    main: async (running) => {
      const { db } = running.get(Mongo);
      const status = change ? await steerRun(db, called, { ...change, by: user() }) : await runStatus(db, called);
      return { closing: textOf(status) };
    },
  });
}

/** What is for us, and what is for the runner: options, their values, and settings. */
function apart(args: readonly string[]): { readonly words: readonly string[]; readonly rest: readonly string[] } {
  const options = { env: { type: "string", short: "e" } } as const;
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const ours = new Set(tokens.filter((one) => one.kind === "positional" && !/^[^=]+\/[^=]+=/.test(one.value)).map(({ index }) => index));
  return { words: args.filter((_, index) => ours.has(index)), rest: args.filter((_, index) => !ours.has(index)) };
}

/** Undefined where nothing is asked. */
function changeOf([verb, ...values]: readonly string[]): ControlChange | undefined {
  if (verb === undefined) return undefined;
  const verbs = ["pause", "resume", "set"];
  if (!verbs.includes(verb)) throw new UsageError(`Cannot "${verb}" a run${didYouMean(verb, verbs)}`, { fix: EXPECTED });
  if (verb === "set") return valuesOf(values);
  if (values.length > 0)
    throw new UsageError(`"${verb}" stands alone, got ${values.map((one) => `"${one}"`).join(" ")}`, { fix: EXPECTED });
  return { paused: verb === "pause" };
}

const WHOLE = ["a whole number from 1 up", /^[1-9]\d{0,14}$/] as const;
const SETTABLE: Readonly<Record<string, readonly [expected: string, written: RegExp]>> = {
  rate: ["a number above 0, of documents a second", /^(?=.*[1-9])(?:0|[1-9]\d{0,14})(?:\.\d+)?$/],
  chunk: WHOLE,
  processes: WHOLE,
};

function valuesOf(values: readonly string[]): ControlChange {
  const names = Object.keys(SETTABLE);
  const fix = `set ${names.map((name) => `${name}=…`).join(" ")}; default is as its settings say`;
  if (values.length === 0) throw new UsageError("Nothing to set", { fix });
  const change = new Map<string, number | undefined>();
  for (const text of values) {
    const [, name = text, value] = /^([^=]*)=([^]*)$/.exec(text) ?? [];
    const [expected, written] = (Object.hasOwn(SETTABLE, name) && SETTABLE[name]) || [];
    if (!expected || !written) throw new UsageError(`Cannot set "${name}"${didYouMean(name, names)}`, { fix });
    if (change.has(name)) throw new UsageError(`"${name}" is set twice`, { fix: "keep one of them" });
    if (value !== "default" && !written.test(value ?? ""))
      throw new UsageError(`Cannot set ${name} to "${value ?? ""}": expected ${expected}, or default`, { fix });
    change.set(name, value === "default" ? undefined : Number(value));
  }
  return Object.fromEntries(change);
}

/** Who asks, for all to see. */
function user(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an account, as in some containers.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

function textOf({ migration, number, run: id, state, isUnderWay, counts, total, control }: RunStatus): string {
  const { read, written, skipped, missing, failed, before } = counts;
  const by = control.by === undefined ? "" : ` by ${control.by}`;
  const held = control.paused ? `, paused${by}` : "";
  const isWaiting = !isUnderWay && ["running", "interrupted", "failed"].includes(state);
  const share = total === undefined || total === 0 ? "" : ` (${Math.min(100, Math.floor((read / total) * 100))} %)`;
  const of = total === undefined ? "not planned yet" : `${figure(read)} / ${figure(Math.max(total, read))}${share}`;
  const parts = [
    `${figure(written)} migrated`,
    ...[...Object.entries({ "previously migrated": before, "left out": skipped, missing, failed })].flatMap(([name, count]) =>
      count > 0 ? [`${figure(count)} ${name}`] : [],
    ),
  ];
  const rows = [
    ["progress", `${of}: ${parts.join(", ")}`],
    ["rate", asked(control.rate, " documents/s")],
    ["chunk", asked(control.chunk, " documents")],
    ["processes", asked(control.processes, "")],
    ...(control.at === undefined ? [] : [["last asked", `${control.at.toISOString()}${by}`]]),
  ];
  return [
    `${migration}, run ${number} (${id}): ${isUnderWay ? "under way" : isWaiting ? "nobody works on it now" : state}${held}`,
    ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(10)}  ${value}`),
  ].join("\n");
}

function asked(value: number | undefined, unit: string): string {
  return value === undefined ? "as its settings say" : figure(value) + unit;
}

function figure(value: number): string {
  return value.toLocaleString("en-US");
}
