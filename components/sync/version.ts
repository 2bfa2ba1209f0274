/** Versions of records: a hybrid logical clock as text that sorts as it runs. */

/** 12 hex digits of milliseconds, 4 of a counter that carries into them, then the store it was made in; of fixed width, so texts compare. */
export type Version = string;

/** Where a version was made: MongoDB or Redis. It decides between two of the same time. */
export type Origin = "m" | "r";

/** That of a document which was there before anybody stamped it: older than whatever is written since. */
export const BEFORE_ALL: Version = "0000000000000000m";

const COUNTS = 0x1_0000;

/** The version of a write now: the clock's time, or one more than what is stored, whichever is later. */
export function nextVersion(nowMs: number, origin: Origin, ...stored: readonly (Version | undefined)[]): Version {
  let [ms, count] = [Math.floor(nowMs), 0];
  for (const version of stored) {
    if (version === undefined) continue;
    const [storedMs, storedCount] = [millisecondsOf(version), countOf(version)];
    if (storedMs < ms || (storedMs === ms && storedCount < count)) continue;
    ms = storedCount + 1 < COUNTS ? storedMs : storedMs + 1;
    count = (storedCount + 1) % COUNTS;
  }
  return ms.toString(16).padStart(12, "0") + count.toString(16).padStart(4, "0") + origin;
}

/** The clock of a version, in milliseconds since 1970. */
export function millisecondsOf(version: Version): number {
  return Number.parseInt(version.slice(0, 12), 16);
}

export function originOf(version: Version): Origin {
  return version.endsWith("r") ? "r" : "m";
}

function countOf(version: Version): number {
  return Number.parseInt(version.slice(12, 16), 16);
}
