/** What a synchronisation calls its collections in MongoDB, beside the one it keeps equal. */

/** Of each id the version of its last delete: documents `{ _id, v }`. */
export function tombstonesName(name: string): string {
  return `_millrace.sync.${name}.tombstones`;
}
