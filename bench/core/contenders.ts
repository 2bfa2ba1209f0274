/** Who takes part, in the order of every table. */
import type { Declare } from "./contender.js";

/** The tool's module, and what a program imports to use it. */
export interface Contender {
  readonly title: string;
  /** what the import row imports; nothing for the floor */
  readonly imports: readonly string[];
  load(): Promise<{ readonly declare: Declare }>;
}

const OURS = new URL("../../lib/index.js", import.meta.url).href;

/** Every contender by its name on the command line. */
export const CONTENDERS = {
  floor: { title: "by hand", imports: [], load: () => import("./contenders/floor.js") },
  millrace: { title: "millrace", imports: [OURS], load: () => import("./contenders/millrace.js") },
  avvio: { title: "avvio 9.3.1", imports: ["avvio"], load: () => import("./contenders/avvio.js") },
  systemic: { title: "systemic 4.1.2", imports: ["systemic"], load: () => import("./contenders/systemic.js") },
  effect: { title: "Effect 3.19.14", imports: ["effect"], load: () => import("./contenders/effect.js") },
  nest: {
    title: "Nest 11.2.10",
    imports: ["reflect-metadata", "@nestjs/common", "@nestjs/core"],
    load: () => import("./contenders/nest.js"),
  },
  inversify: { title: "inversify 8.2.3", imports: ["reflect-metadata", "inversify"], load: () => import("./contenders/inversify.js") },
  awilix: { title: "awilix 13.0.5", imports: ["awilix"], load: () => import("./contenders/awilix.js") },
  tsyringe: { title: "tsyringe 4.10.0", imports: ["reflect-metadata", "tsyringe"], load: () => import("./contenders/tsyringe.js") },
} as const satisfies Readonly<Record<string, Contender>>;

export type Name = keyof typeof CONTENDERS;

export const NAMES = Object.keys(CONTENDERS) as readonly Name[];
