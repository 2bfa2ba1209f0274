/** A status board that remembers what it was told. */
import type { JobUpdate, StatusBoard } from "../../lib/index.js";

export interface RecordingBoard extends StatusBoard {
  /** every summary in order, `prefix: summary`, and every log line */
  readonly lines: readonly string[];
  /** every update of every job, in order */
  readonly updates: readonly (JobUpdate & { readonly prefix: string; readonly done: boolean })[];
}

export function recordingBoard(): RecordingBoard {
  const lines: string[] = [];
  const updates: (JobUpdate & { prefix: string; done: boolean })[] = [];
  return {
    lines,
    updates,
    job: ({ prefix }) => {
      const told = (update: JobUpdate, done: boolean) => {
        updates.push({ ...update, prefix, done });
        if (update.summary !== undefined) lines.push(`${prefix}: ${update.summary}`);
      };
      return { update: (update) => told(update, false), done: (update = {}) => told(update, true) };
    },
    log: (line) => void lines.push(line),
    stop: () => {},
  };
}
