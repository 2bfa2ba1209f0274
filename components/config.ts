/** The effective settings of the whole system, as a component. */
import { component, key, type Configuration } from "../lib/index.js";

/** Every setting in force and where it comes from. */
export const Config = key<Configuration>()("config");

/** Gives the settings of the running system, secrets masked, to whoever needs the whole of them. */
export function configuration() {
  return component(Config, { start: (_needs, context) => context.configuration });
}
