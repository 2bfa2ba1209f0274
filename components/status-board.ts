/** statusBoard(): the status board as a component. */
import { component, config, key, openBoard, schema, type StatusBoard as Board } from "../lib/index.js";

const settings = schema({
  mode: {
    doc: "console, plain, silent; auto: console in a terminal, otherwise plain",
    format: ["auto", "console", "plain", "silent"],
    default: "auto",
  },
});

export const StatusBoard = key<Board>()("status-board");
export type StatusBoard = Board;

/** The board on stdout; when it stops, the last state of every job stays on the screen. */
export function statusBoard() {
  return component(StatusBoard, {
    needs: { settings: config(settings) },
    start: ({ settings: { mode } }) => openBoard({ mode }),
    stop: (board) => board.stop(),
    timeoutMs: { stop: 2_000 },
    look: { shape: "note" },
  });
}
