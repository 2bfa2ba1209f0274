/** Loads, when it is first needed, a package or a part of Node that not every program uses. */
import { createRequire } from "node:module";

export const require = createRequire(import.meta.url);
