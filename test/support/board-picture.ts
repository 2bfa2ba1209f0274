/** Draws docs/board.svg: db-migrate's status board, as it stood in a terminal at 60 % of a real run with nothing set. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";
import { screenSvg, type Cell, type Screen } from "./screen-svg.js";

const COLUMNS = 100;
const ROWS = 40;
const SHARE = 60;
const FILE = "docs/board.svg";
const MAIN = fileURLToPath(new URL("../../examples/db-migrate/main.js", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "millrace-board-"));
try {
  const screen = await screenOfRun();
  await writeFile(FILE, screenSvg(screen, "npm start"));
  console.log(`${FILE}: ${screen.length} lines`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Runs to the end, so that nothing of it is left behind. */
async function screenOfRun(): Promise<Screen> {
  // `script` gives it a terminal of its own.
  const command = `stty cols ${COLUMNS} rows ${ROWS}; exec '${process.execPath}' '${MAIN}'`;
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    cwd: folder,
    env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [[exitCode], screen] = await Promise.all([once(child, "exit") as Promise<[number]>, screenAt(SHARE, child.stdout)]);
  if (exitCode !== 0 || !screen) throw new Error(`db-migrate ended with ${exitCode}${screen ? "" : `, never seen at ${SHARE} %`}`);
  return screen;
}

async function screenAt(share: number, output: AsyncIterable<Uint8Array>): Promise<Screen | undefined> {
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  let screen: Screen | undefined;
  for await (const bytes of output) {
    await new Promise<void>((resolve) => terminal.write(bytes, resolve));
    if (!screen && shareDone(terminal) >= share) screen = screenOf(terminal);
  }
  return screen;
}

function shareDone({ buffer: { active } }: xterm.Terminal): number {
  const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y)?.translateToString() ?? "");
  return Number(/Migration .* (\d+) %/.exec(lines.join("\n"))?.[1] ?? 0);
}

/** The characters of the screen, without the empty rows at its foot. */
function screenOf({ buffer: { active } }: xterm.Terminal): Screen {
  const rows = Array.from({ length: ROWS }, (_, y) =>
    Array.from({ length: COLUMNS }, (_, x): Cell => {
      const cell = active.getLine(active.baseY + y)?.getCell(x);
      return { text: cell?.getChars() || " ", isDim: Boolean(cell?.isDim()), color: cell?.isFgPalette() ? cell.getFgColor() : -1 };
    }),
  );
  return rows.slice(0, rows.findLastIndex((row) => row.some(({ text }) => text !== " ")) + 1);
}
