/** Lays out lines of a status board: what stands in which column, and what is left out where there is no room. */
import type { JobLine, JobStatus, Progress } from "./status-board.js";
import { cutTo, stringWidth } from "./text-width.js";

/** A piece of a line; `busy` is work in hand, `faint` what only fills. */
export interface Span {
  readonly text: string;
  readonly style: JobStatus | "busy" | "faint";
}

/** Beyond this column a detail is too far from its summary for the eye. */
const DETAIL_EDGE = 110;
const WIDEST_BAR = 32;
const SHORTEST_BAR = 10;
const PERCENT = 5;
/** A detail has to leave that much to the summary. */
const SHORTEST_SUMMARY = 16;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/**
 * One row of spans for each line, no wider than `columns` (from 20 up) and without blanks at its end. All lines share their columns:
 * `glyph prefix  bar  61 %  summary      detail`. What gives way, in order: the detail, the bar's length, the summary's end, the bar.
 */
export function layOut(lines: readonly JobLine[], columns: number): readonly (readonly Span[])[] {
  const gap = columns < 40 ? 1 : 2;
  const longest = Math.max(0, ...lines.map((line) => stringWidth(line.prefix)));
  const prefixWidth = Math.min(longest, Math.max(12, Math.floor(columns / 2)));
  const detail = detailColumn(lines);
  const start = 2 + (prefixWidth > 0 ? prefixWidth + gap : 0);

  return lines.map((line) => {
    const spans: Span[] = [glyph(line)];
    if (prefixWidth > 0) spans.push(normal(padEnd(cut(line.prefix, prefixWidth), prefixWidth + gap)));

    let room = columns - start;
    const edge = Math.min(columns, DETAIL_EDGE) - detail.width - gap;
    const hasDetail = line.detail !== "" && edge - start >= SHORTEST_SUMMARY + (line.progress ? SHORTEST_BAR + PERCENT + 2 * gap : 0);
    if (hasDetail) room = edge - start;
    if (line.progress) {
      const meter = meterOf(line, room, gap);
      spans.push(...meter);
      room -= widthOf(meter);
    }
    spans.push({ text: cut(line.summary, room), style: line.status });
    if (hasDetail) {
      spans.push(normal(" ".repeat(Math.max(0, edge + gap - widthOf(spans))) + detail.align(line.detail)));
    }
    return withoutBlankEnd(spans);
  });
}

/** `61 %` (100 only when all is done), or `12,214` where there is no total. */
export function progressText({ value, total }: Progress): string {
  return total === undefined ? value.toLocaleString("en-US") : `${Math.floor(share(value, total) * 100)} %`;
}

/** The columns a row of spans takes. */
export function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + stringWidth(text), 0);
}

function glyph({ pinned, done, waiting, status }: JobLine): Span {
  if (pinned) return normal("  ");
  if (done) return status === "error" ? { text: "✖ ", style: "error" } : { text: "✔ ", style: status === "normal" ? "success" : status };
  return waiting ? { text: "▸ ", style: status } : { text: "● ", style: busy(status) };
}

function meterOf({ progress, summary, status }: JobLine, room: number, gap: number): Span[] {
  if (!progress) return [];
  const { value, total } = progress;
  const text = progressText(progress);
  const free = room - PERCENT - 2 * gap;
  const width = Math.min(WIDEST_BAR, Math.max(SHORTEST_BAR, free - stringWidth(summary)));
  if (total === undefined || width > free) return [normal(text + " ".repeat(gap))];
  const eighths = Math.floor(share(value, total) * width * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
  return [
    { text: filled, style: busy(status) },
    { text: "·".repeat(width - filled.length), style: "faint" },
    normal(" ".repeat(gap) + text.padStart(PERCENT) + " ".repeat(gap)),
  ];
}

/** Parts before the first ` · ` end, parts from it on begin, at the same column of every line. */
function detailColumn(lines: readonly JobLine[]): { readonly width: number; align(detail: string): string } {
  const parts = (detail: string) => {
    const end = detail.indexOf(" · ");
    return end < 0 ? ([detail, ""] as const) : ([detail.slice(0, end), detail.slice(end)] as const);
  };
  const all = lines.map((line) => parts(line.detail));
  const left = Math.max(0, ...all.map(([text]) => stringWidth(text)));
  const right = Math.max(0, ...all.map(([, text]) => stringWidth(text)));
  return {
    width: left + right,
    align: (detail) => {
      const [first, rest] = parts(detail);
      return " ".repeat(left - stringWidth(first)) + first + rest;
    },
  };
}

function withoutBlankEnd(spans: readonly Span[]): readonly Span[] {
  const last = spans.findLastIndex(({ text }) => text.trim() !== "");
  return spans.slice(0, last + 1).map((span, index) => (index === last ? { ...span, text: span.text.trimEnd() } : span));
}

function share(value: number, total: number): number {
  return value >= total ? 1 : Math.max(0, value / total);
}

function busy(status: JobStatus): Span["style"] {
  return status === "normal" ? "busy" : status;
}

function normal(text: string): Span {
  return { text, style: "normal" };
}

function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  return width > 0 ? `${cutTo(text, width - 1).trimEnd()}…` : "";
}

function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)));
}
