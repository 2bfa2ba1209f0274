/** component() and @Component: a definition of a component, no behaviour. */
import { callSite, NOWHERE, textOf, type CallSite } from "./call-site.js";
import { ArgumentError, InjectionError } from "./errors.js";
import { isList, type Ctor, type Group, type Key, type Need, type Token, type Value, type Values, type Wanted } from "./key.js";
import type { Lifecycle, Look, StartContext, Timeouts } from "./lifecycle.js";
import { describe } from "./wording.js";

/** What may be said of a component beside its needs. */
export interface ComponentOptions<V> {
  readonly timeoutMs?: Timeouts;
  /** the groups it provides into */
  readonly in?: readonly Group<V>[];
  readonly look?: Look;
  /** What is wrong with how it was put together, a sentence each; `check()` and `start()` say it. */
  readonly check?: () => readonly string[];
}

/** What the engine calls of a component; a functional component's own options are its hooks. */
export interface Hooks {
  /** Builds and starts it; `needs` by their local names, for a class in the order of its list. A promise, or the value itself. */
  start(needs: never, context: StartContext): unknown;
  stop?(value: never, needs: never): unknown;
  health?(value: never, signal: AbortSignal): unknown;
  describe?(value: never): string;
  /** the class that is built, where it is one */
  readonly constructed?: Ctor;
}

/** What was said of a component of whatever kind. */
interface Said extends ComponentOptions<never> {
  /** a class's name; a key has its own */
  readonly name?: string;
  readonly needs?: Wanted;
}

/** A component as the engine sees it; made by `component()`, `@Component` or from a tsyringe class. */
export class Definition implements CallSite {
  /** where it was defined; see `origin` */
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;

  constructor(
    readonly token: Token,
    /** as they were given; `needs` and `locals` are those in force */
    readonly options: Said,
    readonly hooks: Hooks,
    { file, line, column }: CallSite,
  ) {
    this.file = file;
    this.line = line;
    this.column = column;
  }

  /** How it receives its needs: by name, as a list, or through tsyringe, which builds the class. */
  get kind(): "functions" | "class" | "plain" {
    const { hooks, options } = this;
    // Asked often, and of nearly all the one is the other.
    return hooks === options || !(hooks instanceof ClassHooks) ? "functions" : hooks.kind;
  }

  get name(): string {
    const { token, options } = this;
    return typeof token === "function" ? (options.name ?? token.name) : token.name;
  }

  /** The names of the groups it provides into. */
  get groups(): readonly string[] {
    return this.options.in?.map(({ name }) => name) ?? NONE;
  }

  get wanted(): Wanted {
    return this.options.needs ?? NONE;
  }

  get needs(): readonly Need[] {
    return Object.values(this.wanted);
  }

  /** The names under which it knows its needs, in their order. */
  get locals(): readonly string[] {
    const { wanted } = this;
    return isList(wanted) ? wanted.map(localName) : Object.keys(wanted);
  }

  /** Where it was defined, for errors. */
  get origin(): string {
    return this.kind === "plain" ? `class ${this.name}` : textOf(this);
  }

  /** The same with other needs. */
  needing(needs: readonly Need[]): Definition {
    return new Definition(this.token, but(this.options, { needs }), this.hooks, this);
  }

  /** The same under the key of another, whose groups it takes over where it names none. */
  insteadOf({ token, name, options: { in: groups } }: Definition): Definition {
    const { in: own } = this.options;
    return new Definition(token, but(this.options, { name, in: own?.length ? own : (groups ?? []) }), this.hooks, this);
  }
}

declare const PART: unique symbol;

/** A definition with its types: the name it provides, its value, the names it requires. */
export interface Part<N extends string = string, V = unknown, R extends string = string> extends Definition {
  readonly [PART]?: { readonly name: N; readonly value: V; readonly requires: R };
}

/** What a system is made of. */
// eslint-disable-next-line typescript/no-explicit-any -- any part: its value's type may be anything
export type AnyPart = Part<any, any, any> | Ctor;

/** The names of keys that a need asks for. */
export type NameOf<D> = D extends Ctor
  ? never
  : // eslint-disable-next-line typescript/no-explicit-any -- the value does not matter here
    D extends Key<any, infer N>
    ? N
    : never;

/** What a component receives for its needs, by their local names. */
export type NeedsOf<D> = { readonly [P in keyof D]: Value<D[P]> };

type Started<V> = V | Box<V> | Promise<V | Box<V>>;

/** A functional component: a value made by `start`. */
export interface FunctionalOptions<V, D extends Readonly<Record<string, Need>>> extends ComponentOptions<V> {
  readonly needs?: D;
  /** What it returns is what others get; a value with a `then` of its own goes through `box()`. */
  readonly start: (needs: NeedsOf<D>, context: StartContext) => Started<V>;
  /** Called once if `start` succeeded; its needs are still running. */
  readonly stop?: (value: V, needs: NeedsOf<D>) => unknown;
  /** Rejects, throws or gives `false` where the component is not healthy. */
  readonly health?: (value: V, signal: AbortSignal) => unknown;
  /** A few words on what has started, for the map: `mongod 6.0.5 127.0.0.1:40213`. */
  readonly describe?: (value: V) => string;
}

/** A class as a component without decorator. */
export interface ClassOptions<V, N extends string, D extends readonly Need[]> extends ComponentOptions<V> {
  readonly name: N;
  readonly needs: D;
}

/**
 * Defines a component: under a key and made by functions, or a class that is its own key.
 * A class is built with its needs in the order of the list, then its `start(context)`, `stop()` and `health(signal)` are
 * called where it has them; others get the instance.
 *
 * @throws {ArgumentError} when `start` is missing, or a group is none
 * @throws {InjectionError} when a need is undefined (two modules that import each other), or none
 */
export function component<const N extends string, const D extends readonly Need[], C extends new (...args: Values<D>) => object>(
  constructor: C,
  options: ClassOptions<InstanceType<C>, N, D>,
): Part<N, InstanceType<C>, NameOf<D[number]>>;
// Last, because of several overloads the compiler explains the last one.
export function component<V, N extends string, const D extends Readonly<Record<string, Need>> = {}>(
  key: Key<V, N>,
  options: FunctionalOptions<V, D>,
): Part<N, V, NameOf<D[keyof D]>>;
export function component(
  token: Token,
  options: FunctionalOptions<unknown, Record<string, Need>> | ClassOptions<object, string, readonly Need[]>,
): Part {
  const site = callSite(component);
  if (typeof token === "function") return ofClass(token, options as ClassOptions<never, string, readonly Need[]>, site);
  return ofFunctions(token, options as FunctionalOptions<unknown, Record<string, Need>>, site);
}

/**
 * Makes a class a component. The compiler checks the constructor against the list.
 * Works under TypeScript's own and under the standard's decorators, and without `emitDecoratorMetadata`.
 *
 * @param name the component's name: its config section and its label on the map
 */
export function Component<const D extends readonly Need[], V = object>(name: string, needs: D, options: ComponentOptions<V> = {}) {
  const site = callSite(Component);
  return <C extends new (...args: Values<D>) => V & object>(constructor: C, _context?: unknown): void => {
    decorated.set(constructor, ofClass(constructor, { ...options, name, needs }, site));
  };
}

/** The definition that `@Component` gave this very class, not one it extends. */
export function definitionOf(constructor: Ctor): Definition | undefined {
  return decorated.get(constructor);
}

/** A value to be passed on unopened, though it has a `then`. */
export class Box<V> {
  constructor(readonly value: V) {}
}

/** Passes a thenable value (a query builder, a fastify instance) on unopened: `start: async () => box(builder)`. */
export function box<V>(value: V): Box<V> {
  return new Box(value);
}

/** Whether a value has to be waited for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Whether a value came from `component()`. */
export function isPart(value: unknown): value is Part {
  return value instanceof Definition;
}

/** The definition of a class that tsyringe builds; what it needs is read when the rest of the system is known. */
export function plainDefinition(constructor: Ctor): Definition {
  const definition = plain.get(constructor) ?? new Definition(constructor, {}, new ClassHooks(constructor, "plain"), NOWHERE);
  plain.set(constructor, definition);
  return definition;
}

const decorated = new WeakMap<Ctor, Definition>();
const plain = new WeakMap<Ctor, Definition>();

function ofFunctions(key: Key<unknown>, options: FunctionalOptions<unknown, Record<string, Need>>, site: CallSite): Definition {
  if (typeof options.start !== "function") throw new ArgumentError("start", `a function (component "${key.name}")`, options.start);
  return checked(new Definition(key, options, options, site));
}

function ofClass(constructor: Ctor, options: ClassOptions<never, string, readonly Need[]>, site: CallSite): Definition {
  return checked(new Definition(constructor, options, new ClassHooks(constructor, "class"), site));
}

/** The hooks of an instance, asked for when their time comes: they may be methods or properties. */
class ClassHooks implements Hooks {
  constructor(
    readonly constructed: Ctor,
    readonly kind: "class" | "plain",
  ) {}

  start(needs: readonly unknown[], context: StartContext): unknown {
    return startInstance(new (this.constructed as new (...args: readonly unknown[]) => Lifecycle)(...needs), context);
  }

  stop(instance: Lifecycle): unknown {
    return instance.stop?.();
  }

  health(instance: Lifecycle, signal: AbortSignal): unknown {
    return instance.health?.(signal);
  }
}

/** Starts an instance that has been built: its own `start`, where it has one, then the instance is the value. */
export function startInstance(instance: Lifecycle, context: StartContext): unknown {
  const starting = instance.start?.(context);
  return isThenable(starting) ? Promise.resolve(starting).then(() => new Box(instance)) : new Box(instance);
}

const NONE: readonly never[] = Object.freeze([]);

/** What inherits the rest: an object of a class keeps its methods. */
function but(said: Said, changes: Said): Said {
  return Object.create(said, Object.getOwnPropertyDescriptors(changes)) as Said;
}

/**
 * @throws {ArgumentError} for the first group that is none
 * @throws {InjectionError} for the first need that is none
 */
function checked(definition: Definition): Definition {
  const { name, needs, options } = definition;
  for (const one of options.in ?? [])
    if ((one as Group<never> | undefined)?.kind !== "group") throw new ArgumentError("in", `groups (component "${name}")`, one);
  const index = needs.findIndex((need) => !isNeed(need));
  if (index < 0) return definition;
  const { kind, of } = (needs[index] ?? {}) as { kind?: unknown; of?: unknown };
  const token = kind === "opt" || kind === "all" ? of : needs[index];
  const isAbsent = token === undefined || token === null;
  throw new InjectionError(`Need ${index + 1} ("${definition.locals[index]}") of component "${name}" is ${describe(token)}`, {
    component: name,
    fix: isAbsent
      ? "two modules probably import each other; move the key into a module of its own"
      : "a need is a key, a component's class, opt(), all() or config()",
  });
}

function isNeed(need: Need | undefined): boolean {
  if (typeof need === "function" || need?.kind === "key" || need?.kind === "config") return true;
  if (need?.kind === "all") return (need.of as { kind?: unknown } | undefined)?.kind === "group";
  return need?.kind === "opt" && (typeof need.of === "function" || (need.of as { kind?: unknown } | undefined)?.kind === "key");
}

function localName(need: Need, index: number): string {
  if (typeof need === "function") return definitionOf(need)?.name ?? need.name;
  if (need?.kind === "key") return need.name;
  if (need?.kind === "opt") return localName(need.of, index);
  if (need?.kind === "all") return need.of.name;
  return need?.kind === "config" ? "settings" : String(index + 1);
}
