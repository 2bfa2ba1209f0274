/** Prints a table as docs/benchmarks.md has it. */
export function table(title: string, heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  console.log(`\n### ${title}\n`);
  console.log(`| ${heads.join(" | ")} |\n|${heads.map(() => "---").join("|")}|`);
  for (const row of rows) console.log(`| ${row.map(said).join(" | ")} |`);
}

function said(value: string | number): string {
  if (typeof value === "string") return value;
  return value >= 1_000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(value < 10 ? 2 : 3)));
}
