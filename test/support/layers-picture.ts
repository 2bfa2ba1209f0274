/** Draws docs/layers.svg: the groups of files in lib/, each with an arrow to those it imports. */
import { writeFile } from "node:fs/promises";
import { render } from "../../lib/index.js";
import { mapOfGroups } from "./layers.js";

const FILE = "docs/layers.svg";

const map = mapOfGroups();
await writeFile(FILE, await render(map, { format: "svg" }));
console.log(`${FILE}: ${map.model.nodes.length} groups`);
