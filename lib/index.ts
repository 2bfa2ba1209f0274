/**
 * Declare components. Start them in order. Draw the map. Move the data.
 *
 * ```ts
 * const Greeting = key<string>()("greeting");
 * const greeting = component(Greeting, { start: () => "hello" });
 * const shout = component(key<string>()("shout"), { needs: { greeting: Greeting }, start: ({ greeting }) => greeting.toUpperCase() });
 *
 * await using running = await system(greeting, shout).start();
 * console.log(running.get(Greeting));
 * ```
 *
 * @module
 */
export { all, config, group, key, opt, schema } from "./key.js";
export type { All, AnyKey, ConfigNeed, Ctor, Field, Format, Group, Key, Need, Opt, Schema, Settings, Token, Value, Values } from "./key.js";

export { box, component, Component } from "./component.js";
export type { AnyPart, ClassOptions, ComponentOptions, FunctionalOptions, NameOf, NeedsOf, Part } from "./component.js";

export { system, System } from "./system.js";
export type { AnySystem, Member, StartOptions } from "./system.js";

export type { Running } from "./running.js";

export type * from "./lifecycle.js";

export type { ConfigSource, Override } from "./config.js";

export { SystemMap } from "./map.js";
export type { DrawOptions, MapEdge, MapModel, MapNode } from "./map.js";

export { render } from "./render.js";
export type { RenderOptions } from "./render.js";

export { channel } from "./channel.js";
export type { Channel, WaitOptions } from "./channel.js";

export { openBoard } from "./open-board.js";
export type { BoardOptions } from "./open-board.js";
export type { BoardStream, Job, JobStatus, JobUpdate, Progress, StatusBoard } from "./status-board.js";

export { run } from "./runner.js";
export type { MainContext, OptionValues, Outcome, Program, ProgramOption, ProgramOptions } from "./program.js";

export { makeFolder } from "./folder.js";

export * from "./errors.js";
export { describe, didYouMean, duration, firstLine, plural } from "./wording.js";
