/** THE CENTRE: a system is an immutable set of components: check, only, replace, add, map, start. */
import { box, component, definitionOf, isPart, plainDefinition, type AnyPart, type Definition, type Part } from "./component.js";
import { loadConfig, type ConfigSource, type LoadedConfig, type SectionNeed } from "./config.js";
import { inspect } from "./di.js";
import {
  ArgumentError,
  ConfigError,
  DuplicateComponentError,
  StateError,
  SystemError,
  UnknownComponentError,
  type Problem,
} from "./errors.js";
import { graphProblems, link, settingsOf, subset, tokenName, type Graph } from "./graph.js";
import type { Ctor, Key, Token } from "./key.js";
import type { SystemMap } from "./map.js";
import type { EngineOptions } from "./engine.js";
import { Running } from "./running.js";
import { mapOf } from "./system-map.js";
import { printable } from "./wording.js";

/** How a system is started. */
export interface StartOptions extends EngineOptions {
  /** where settings come from; default: the schemas' defaults and environment variables */
  readonly config?: ConfigSource | undefined;
}

/** What may stand in a system: parts, classes, systems. */
export type Member = AnyPart | AnySystem;
// eslint-disable-next-line typescript/no-explicit-any -- any system, whatever it provides
export type AnySystem = System<any, any>;

// eslint-disable-next-line typescript/no-explicit-any -- the value does not matter here
type ProvidedBy<M> = M extends System<infer P, any> ? P : M extends Part<infer N, any, any> ? N : never;
// eslint-disable-next-line typescript/no-explicit-any -- as above
type RequiredBy<M> = M extends System<any, infer R> ? R : M extends Part<any, any, infer R> ? R : never;
type Complete<P extends string, R extends string> = [Exclude<R, P>] extends [never] ? System<P, R> : `missing component: ${Exclude<R, P>}`;

/**
 * Makes a system. Systems among the members are flattened; the same definition twice is one component.
 *
 * Two definitions under one key are a problem that `check()` and `start()` name.
 */
export function system<const M extends readonly Member[]>(...members: M): System<ProvidedBy<M[number]>, RequiredBy<M[number]>> {
  return System.of(members) as AnySystem;
}

/** An immutable set of components. Every method returns a new one; nothing happens before `start()`. */
export class System<P extends string = never, R extends string = never> {
  declare readonly provides: P;
  declare readonly requires: R;
  readonly #definitions: readonly Definition[];
  /** every section that some component of the whole knows, this subset's or not */
  readonly #known: readonly SectionNeed[];
  #linked: Linked | undefined;

  private constructor(definitions: readonly Definition[], known: readonly SectionNeed[] = []) {
    this.#definitions = definitions;
    this.#known = known;
  }

  /** A system of members that are known only at run time; the compiler does not look for missing ones, `check()` does. */
  static of(members: Iterable<Member>): System<string, never> {
    const definitions = new Set<Definition>();
    const known: SectionNeed[] = [];
    for (const [index, member] of [...members].entries()) {
      if (member instanceof System) {
        for (const definition of member.#definitions) definitions.add(definition);
        known.push(...member.#known);
      } else definitions.add(definitionFor(member, index));
    }
    return new System([...definitions], known);
  }

  /**
   * A system with more components.
   *
   * @throws {DuplicateComponentError} when one stands under a key that the system has already
   */
  add<const M extends readonly Member[]>(...members: M): System<P | ProvidedBy<M[number]>, R | RequiredBy<M[number]>> {
    const added = System.of(members);
    const present = new Map(this.#definitions.map((definition) => [definition.name, definition]));
    for (const definition of added.#definitions) {
      const twin = present.get(definition.name);
      if (twin && twin !== definition) throw new DuplicateComponentError(definition.name, twin.origin, definition.origin);
    }
    return System.of([this, added]) as AnySystem;
  }

  /**
   * A system in which another component, or a plain value, stands under the key. It stays in the groups of the one it
   * replaces unless it names its own.
   *
   * @throws {UnknownComponentError} when nothing stands under it
   */
  replace<V>(token: Key<V> | Ctor<V>, replacement: NoInfer<Part<string, V> | Ctor<V> | V>): System<P, R> {
    const replaced = this.#find(token, "replace");
    const isClass = typeof replacement === "function" && (typeof token === "function" || definitionOf(replacement as Ctor) !== undefined);
    const definition = isPart(replacement) || isClass ? definitionFor(replacement as AnyPart) : constant(replacement);

    const renamed = definition.insteadOf(replaced);
    return new System(
      this.#definitions.map((one) => (one === replaced ? renamed : one)),
      this.#known,
    );
  }

  /**
   * A system of these components and all they need; optional needs only where they are there anyway.
   * The sections of the others stay known to the configuration, and are not validated.
   *
   * @throws {UnknownComponentError} when one is not in the system
   */
  only(...tokens: readonly Token[]): System<P, R> {
    const { graph, sections } = this.#link();
    const roots = tokens.map((token) => graph.nodes.indexOf(this.#find(token, "choose")));
    const chosen = new Set([...subset(graph, roots)].map((index) => graph.nodes[index]?.name));
    return new System(
      this.#definitions.filter((one) => chosen.has(one.name)),
      [...this.#known, ...sections],
    );
  }

  /** Every problem at once: missing, cyclic, duplicate and untyped needs, then the configuration's. Nothing is started. */
  check(config?: ConfigSource): Problem[] {
    const linked = this.#link();
    return [...linked.problems, ...this.#load(linked, config).problems];
  }

  /** How many components it has. */
  get size(): number {
    return this.#definitions.length;
  }

  /** Every setting of every component, for `--config` and `--help`. */
  sections(): readonly SectionNeed[] {
    return this.#link().sections;
  }

  /** The configuration as `start()` would read it. */
  configuration(config?: ConfigSource): LoadedConfig {
    return this.#load(this.#link(), config);
  }

  /** The system drawn, sound or not; nothing is started. */
  map(): SystemMap {
    return mapOf(this.#link().graph);
  }

  /**
   * Starts every component, each as soon as all it needs have started. Every call makes a new, independent Running.
   *
   * @throws {SystemError} before anything starts, with every problem found
   * @throws {ConfigError} likewise, where only the configuration is wrong
   * @throws {StartError} a start rejected or exceeded `timeoutMs.start` (ms, default 15,000); those already started have been stopped in reverse
   * @throws {AbortedError} `options.signal` fired or a component asked for the end; likewise
   */
  async start(this: Complete<P, R>, options: StartOptions = {}): Promise<Running> {
    if (!(this instanceof System)) throw new StateError("start() was called without its system");
    const linked = this.#link();
    const loaded = this.#load(linked, options.config);
    if (linked.problems.length > 0) throw new SystemError(this.#definitions.length, [...linked.problems, ...loaded.problems]);
    if (loaded.problems.length > 0) throw new ConfigError(loaded.problems);
    const settings = new Map(settingsOf(linked.graph).map((wire, index) => [wire, loaded.values[index]]));
    return Running.start({ graph: linked.graph, configuration: loaded.configuration, settings }, checked(options));
  }

  #find(token: Token, doing: string): Definition {
    const { graph } = this.#link();
    const found = graph.nodes[graph.find(token) ?? -1];
    if (found) return found;
    const names = graph.nodes.map(({ name }) => name);
    throw new UnknownComponentError(tokenName(token), names, doing);
  }

  #load({ sections }: Linked, source?: ConfigSource): LoadedConfig {
    return loadConfig(sections, source, [...this.#known, ...sections]);
  }

  #link(): Linked {
    this.#linked ??= linkAll(this.#definitions);
    return this.#linked;
  }
}

interface Linked {
  readonly graph: Graph<Definition>;
  readonly problems: readonly Problem[];
  /** the config needs of all components, in the order of the graph's wires to settings */
  readonly sections: readonly SectionNeed[];
}

function linkAll(definitions: readonly Definition[]): Linked {
  const problems: Problem[] = [];
  const graph = link(definitions.some(({ kind }) => kind === "plain") ? inspected(definitions, problems) : definitions);
  const sections = settingsOf(graph).map(({ node, need: { section, schema } }) => {
    const { name } = graph.nodes[node] as Definition;
    return { component: name, section: section ?? name, schema };
  });
  for (const { name, options } of graph.nodes) {
    for (const message of options.check?.() ?? [])
      problems.push({ kind: "invalid", component: name, message: printable(`${name}: ${message}`) });
  }
  return { graph, problems: [...graphProblems(graph), ...graph.duplicates.map(duplicate), ...problems], sections };
}

/** The classes that tsyringe builds get the needs that are read from their constructors. */
function inspected(definitions: readonly Definition[], problems: Problem[]): readonly Definition[] {
  const tokens = new Map<unknown, Token>();
  for (const { name, token } of definitions) tokens.set(name, token).set(token, token);
  return definitions.map((definition) => {
    if (definition.kind !== "plain") return definition;
    const { needs, problems: found } = inspect(definition.hooks.constructed as Ctor, (token) => tokens.get(token));
    problems.push(...found);
    return definition.needing(needs);
  });
}

function duplicate([first, second]: readonly [Definition, Definition]): Problem {
  const { message } = new DuplicateComponentError(first.name, first.origin, second.origin);
  return { kind: "duplicate", component: first.name, message: message.split("\n", 1)[0] ?? message };
}

function definitionFor(member: AnyPart, index = 0): Definition {
  if (isPart(member)) return member;
  if (typeof member === "function") return definitionOf(member) ?? plainDefinition(member);
  throw new ArgumentError(`member ${index + 1}`, "a component, a class or a system", member);
}

function constant(value: unknown): Definition {
  return component({ kind: "key", name: "constant" } as Key<unknown>, { start: () => box(value) });
}

function checked(options: StartOptions): StartOptions {
  const { concurrency } = options;
  if (concurrency !== undefined && !(concurrency >= 1)) throw new ArgumentError("concurrency", "a number from 1 up", concurrency);
  return options;
}
