/** openBoard(): the board that suits where it is written. */
import { clock } from "./clock.js";
import { ArgumentError } from "./errors.js";
import { divertWrites } from "./foreign-writes.js";
import { createBoard, type BoardStream, type Clock, type StatusBoard } from "./status-board.js";

export interface BoardOptions {
  /** default `auto`: console in a terminal that can move its cursor, otherwise plain; `silent` writes nothing, not even logs */
  readonly mode?: "auto" | "console" | "plain" | "silent";
  /** default stdout */
  readonly stream?: BoardStream;
  /** default the process's; `NO_COLOR` takes colours and brightness away, `TERM=dumb` is no terminal */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens a status board. A stream that breaks silences it and harms nothing.
 *
 * @throws {ArgumentError} the mode is not one of the four
 */
export async function openBoard(options: BoardOptions = {}): Promise<StatusBoard> {
  const { mode = "auto", stream = process.stdout, environment = process.env } = options;
  const canRewrite = stream.isTTY && environment["TERM"] !== "dumb";
  // Loaded here: measuring the width of a text needs tables that take longer to load than the whole core.
  switch (mode === "auto" ? (canRewrite ? "console" : "plain") : mode) {
    case "console": {
      const { consoleRenderer } = await import("./console-board.js");
      const board = createBoard(consoleRenderer(stream, { color: !environment["NO_COLOR"], clock: systemClock }));
      return stream === process.stdout ? sharingTerminal(board) : board;
    }
    case "plain": {
      const { plainRenderer } = await import("./plain-board.js");
      return createBoard(plainRenderer(stream, { clock: systemClock }));
    }
    case "silent":
      return createBoard({ show: () => {}, log: () => {}, stop: () => {} });
    default:
      throw new ArgumentError("mode", "auto, console, plain or silent", mode);
  }
}

/** Whatever else the process writes to its terminal goes above the board. */
function sharingTerminal(board: StatusBoard): StatusBoard {
  const release = divertWrites([process.stdout, process.stderr], board.log);
  return {
    ...board,
    stop: () => {
      board.stop();
      release();
    },
  };
}

const systemClock: Clock = {
  now: clock,
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};
