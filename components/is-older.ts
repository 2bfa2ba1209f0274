/** Whether one version is older than another; without a collator, which takes some milliseconds to be loaded. */

/** `6.10` is newer than `6.9`, and `6` as old as `6.0`. */
export function isOlder(version: string, minimum: string): boolean {
  const [found, least] = [partsOf(version), partsOf(minimum)];
  const other = least.findIndex((part, index) => part !== (found[index] ?? 0));
  return other >= 0 && (found[other] ?? 0) < (least[other] ?? 0);
}

function partsOf(version: string): readonly number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10));
}
