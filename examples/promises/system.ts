/** The system: four components, around the modes that are to be compared. */
import { system } from "millrace";
import { statusBoard } from "millrace/components";
import { mongoConnection } from "millrace/mongo";
import { clients } from "./clients.js";
import { comparison } from "./comparison.js";
import type { Mode } from "./modes.js";

export const promises = (modes: readonly Mode[]) => system(statusBoard(), mongoConnection(), clients, comparison(modes));
