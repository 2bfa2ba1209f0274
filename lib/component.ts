/** component() and @Component: a definition of a component, no behaviour. */
import { ArgumentError, InjectionError } from "./errors.js";
import type { Ctor, Group, Key, Need, Token, Value, Values } from "./key.js";
import type { Lifecycle, Look, StartContext, Timeouts } from "./lifecycle.js";

/** A need and the name under which the component receives it. */
export interface NamedNeed {
  readonly local: string;
  readonly need: Need;
}

/** What may be said of a component beside its needs. */
export interface ComponentOptions<V> {
  readonly timeoutMs?: Timeouts;
  /** the groups it provides into */
  readonly in?: readonly Group<V>[];
  readonly look?: Look;
}

/** A component as the engine sees it; made by `component()`, `@Component` or from a tsyringe class. */
export interface Definition {
  readonly token: Token;
  readonly name: string;
  readonly needs: readonly NamedNeed[];
  readonly groups: readonly string[];
  readonly timeoutMs: Timeouts;
  readonly look: Look;
  /** where it was defined, for errors */
  readonly origin: () => string;
  /** a class that tsyringe builds; its `start` below is then only for the instance */
  readonly plain?: Ctor | undefined;
  /** Builds and starts it; `needs` in the order of the list. A promise, or the value itself. */
  start(needs: readonly unknown[], context: StartContext): unknown;
  readonly stop: ((value: never, needs: readonly unknown[]) => unknown) | undefined;
  readonly health: ((value: never, signal: AbortSignal) => unknown) | undefined;
  readonly describe?: ((value: never) => string) | undefined;
}

declare const PART: unique symbol;

/** A definition with its types: the name it provides, its value, the names it requires. */
export interface Part<N extends string = string, V = unknown, R extends string = string> {
  readonly definition: Definition;
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
  /** Rejects, or throws, where the component is not healthy. */
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
 * @throws {ArgumentError} when a need is undefined (two modules that import each other), or `start` is missing
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
  const origin = callSite(component);
  if (typeof token === "function") return new DefinedPart(ofClass(token, options as ClassOptions<never, string, readonly Need[]>, origin));
  return new DefinedPart(ofFunctions(token, options as FunctionalOptions<unknown, Record<string, Need>>, origin));
}

/**
 * Makes a class a component. The compiler checks the constructor against the list.
 * Works under TypeScript's own and under the standard's decorators, and without `emitDecoratorMetadata`.
 *
 * @param name the component's name: its config section and its label on the map
 */
export function Component<const D extends readonly Need[], V = object>(name: string, needs: D, options: ComponentOptions<V> = {}) {
  const origin = callSite(Component);
  return <C extends new (...args: Values<D>) => V & object>(constructor: C, _context?: unknown): void => {
    decorated.set(constructor, ofClass(constructor, { ...options, name, needs }, origin));
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

class DefinedPart implements Part {
  constructor(readonly definition: Definition) {}
}

/** Whether a value came from `component()`. */
export function isPart(value: unknown): value is Part {
  return value instanceof DefinedPart;
}

/** The definition of a class that tsyringe builds; what it needs is read when the rest of the system is known. */
export function plainDefinition(constructor: Ctor): Definition {
  let definition = plain.get(constructor);
  if (!definition) {
    const { name } = constructor;
    const start = () => undefined;
    definition = { ...common(constructor, name, [], {}, () => `class ${name}`), plain: constructor, start, ...INSTANCE_HOOKS };
    plain.set(constructor, definition);
  }
  return definition;
}

const decorated = new WeakMap<Ctor, Definition>();
const plain = new WeakMap<Ctor, Definition>();

function ofFunctions(key: Key<unknown>, options: FunctionalOptions<unknown, Record<string, Need>>, origin: () => string): Definition {
  if (typeof options.start !== "function") throw new ArgumentError("start", `a function (component "${key.name}")`, options.start);
  const { start, stop, health, describe } = options;
  const needs = named(key.name, Object.entries(options.needs ?? {}));
  const receive = (values: readonly unknown[]) => {
    const received: Record<string, unknown> = {};
    for (const [index, { local }] of needs.entries()) define(received, local, values[index]);
    return received;
  };
  return {
    ...common(key, key.name, needs, options, origin),
    start: (values, context) => start(receive(values), context),
    stop: stop && ((value, values) => stop(value, receive(values))),
    health,
    describe,
  };
}

function ofClass(constructor: Ctor, options: ClassOptions<never, string, readonly Need[]>, origin: () => string): Definition {
  const needs = named(
    options.name,
    options.needs.map((need, index) => [localName(need, index), need] as const),
  );
  return {
    ...common(constructor, options.name, needs, options, origin),
    start: (values, context) => startInstance(new (constructor as new (...args: readonly unknown[]) => Lifecycle)(...values), context),
    ...INSTANCE_HOOKS,
  };
}

/** Starts an instance that has been built: its own `start`, where it has one, then the instance is the value. */
export function startInstance(instance: Lifecycle, context: StartContext): unknown {
  const starting = instance.start?.(context);
  return isThenable(starting) ? Promise.resolve(starting).then(() => new Box(instance)) : new Box(instance);
}

/** The stop and health of an instance, asked for when their time comes: they may be methods or properties. */
const INSTANCE_HOOKS: Pick<Definition, "stop" | "health"> = {
  stop: (instance: Lifecycle) => instance.stop?.(),
  health: (instance: Lifecycle, signal: AbortSignal) => instance.health?.(signal),
};

function common(token: Token, name: string, needs: readonly NamedNeed[], options: ComponentOptions<never>, origin: () => string) {
  const groups = (options.in ?? []).map((one) => one.name);
  return { token, name, needs, groups, timeoutMs: options.timeoutMs ?? NO_OPTIONS, look: options.look ?? NO_OPTIONS, origin };
}

const NO_OPTIONS = Object.freeze({});

function named(component: string, needs: readonly (readonly [string, Need])[]): readonly NamedNeed[] {
  return needs.map(([local, need], index) => {
    const token = need && typeof need === "object" && "of" in need ? need.of : need;
    if (token === undefined || token === null) {
      throw new InjectionError(`Need ${index + 1} ("${local}") of component "${component}" is ${String(token)}`, {
        component,
        fix: "two modules probably import each other; move the key into a module of its own",
      });
    }
    return { local, need };
  });
}

function localName(need: Need, index: number): string {
  if (typeof need === "function") return definitionOf(need)?.name ?? need.name;
  if (need?.kind === "key") return need.name;
  if (need?.kind === "opt") return localName(need.of, index);
  if (need?.kind === "all") return need.of.name;
  return need?.kind === "config" ? "settings" : String(index + 1);
}

function define(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true });
  else object[name] = value;
}

/** Who called `below`, as `file.ts:12`; read from the stack only when asked. */
function callSite(below: (...args: never[]) => unknown): () => string {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(holder, below);
  Error.stackTraceLimit = limit;
  return () => /([^/\\()\s]+:\d+):\d+\)?\s*$/.exec(holder.stack ?? "")?.[1] ?? "somewhere";
}
