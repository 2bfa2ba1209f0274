/** Runs each part of the benchmark: the rows, the memory, the imports, the abilities. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CONTENDERS, type Name } from "./contenders.js";
import { Contestant, Failure } from "./contestant.js";
import { takeTurns, type Failed } from "./measure.js";
import { PEERS } from "./peer.js";
import type { Abilities } from "./probe.js";
import type { Cells, MeasuredRow } from "./results.js";
import { rowOf, type RowName } from "./rows.js";

/** What a contender may take for one turn; after that it is not waited for. */
const LIMIT_MS = 5_000;
/** The same for a turn that is one of few. */
const LARGE_LIMIT_MS = 20_000;
const ENOUGH_MS = 1_500;

/** One row: a process for each contender, in which it boots and stops the graph again and again. */
export async function measureRow(name: RowName, names: readonly Name[]): Promise<MeasuredRow> {
  const { title, idealMs, only, make } = rowOf(name);
  const limitMs = only ? LARGE_LIMIT_MS : LIMIT_MS;
  const contestants = new Map(names.map((one) => [one, new Contestant(one, limitMs)]));
  const turn = async (one: Name) => {
    const contestant = contestants.get(one) as Contestant;
    const timing = await contestant.ask({ task: "time", row: name });
    return { ...timing, totalMs: idealMs === undefined ? timing.bootMs + timing.stopMs : timing.bootMs };
  };
  // What is compiled in the first rounds is another question, and answered apart.
  const found = await takeTurns(names, { rounds: 15, warmUps: idealMs === undefined ? 20 : 3, enoughMs: ENOUGH_MS, turn });
  for (const contestant of contestants.values()) contestant.end();
  return { title, idealMs, size: make().length, cells: Object.fromEntries(found) };
}

/** Bytes per component, in a fresh process each: from one to the next they differ by some 20. */
export async function measureMemory(names: readonly Name[]): Promise<Cells<{ readonly bytes: number } | Failed>> {
  const turn = async (name: Name) => ({
    bytes: await inFreshProcess(name, (contestant) => contestant.ask({ task: "memory" }), LARGE_LIMIT_MS),
  });
  return Object.fromEntries(await takeTurns(names, { rounds: 9, warmUps: 0, enoughMs: ENOUGH_MS, turn }));
}

/** What each can do; asked once. */
export async function observe(names: readonly Name[]): Promise<Cells<Abilities | Failed>> {
  const found: Partial<Record<Name, Abilities | Failed>> = {};
  for (const name of names) {
    found[name] = await inFreshProcess(name, (contestant) => contestant.ask({ task: "probe" })).catch((error: unknown) => {
      if (error instanceof Failure) return { failure: error.message };
      throw error;
    });
  }
  return found;
}

/** Processor time from the start of a process until the tool is imported; the floor imports nothing. */
export async function measureImports(names: readonly Name[]): Promise<Cells<{ readonly ms: number } | Failed>> {
  const turn = async (name: Name) => {
    const imports = CONTENDERS[name].imports.map((one) => `import ${JSON.stringify(one)};`).join("");
    const code = `${imports}const { user, system } = process.cpuUsage(); console.log((user + system) / 1_000);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], { cwd: PEERS });
    return { ms: Number(stdout) };
  };
  return Object.fromEntries(await takeTurns(names, { rounds: 41, warmUps: 1, enoughMs: Infinity, turn }));
}

async function inFreshProcess<T>(name: Name, ask: (contestant: Contestant) => Promise<T>, limitMs = LIMIT_MS): Promise<T> {
  const contestant = new Contestant(name, limitMs);
  try {
    return await ask(contestant);
  } finally {
    contestant.end();
  }
}
