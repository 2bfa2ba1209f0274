/** What a program of one data migration has on its command line. */

/**
 * Options for `run` that stand for settings of a migration: `--file`, `--dry-run`, `--reset`, `--resume`.
 *
 * @example run(app, { name: "split", options: { ...migrationOptions("split-clients") }, main: … })
 */
export function migrationOptions<const N extends string>(name: N) {
  return {
    file: { short: "f", value: "IDS", doc: "migrate only these ids, one a line", setting: `${name}/ids-file` },
    "dry-run": { short: "D", doc: "look, count, write nothing", setting: `${name}/dry-run` },
    reset: { short: "r", doc: "give an unfinished or complete run up and begin a new one", setting: `${name}/reset` },
    resume: { doc: "only go on: refused where there is nothing to go on with", setting: `${name}/resume` },
  } as const;
}
