/** A command's end: what went wrong is said, and the exit code says it too. */
import { UsageError } from "millrace";

/** Exit code 2 where the arguments are to blame, 1 for whatever else was thrown. */
export async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof UsageError || (error as { code?: unknown }).code?.toString().startsWith("ERR_PARSE_ARGS") ? 2 : 1;
  }
}
