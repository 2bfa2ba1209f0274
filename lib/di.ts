/** Plain tsyringe classes: what they need, and the container that builds them; the only file that knows tsyringe. */
import type {} from "reflect-metadata";
import { require } from "./require.js";
import { definitionOf } from "./component.js";
import { InjectionError, type Problem } from "./errors.js";
import { describe, didYouMean } from "./wording.js";
import { isOptional, tokenName } from "./graph.js";
import { all, group, key, opt, type All, type Ctor, type Need, type Token } from "./key.js";

/** What a plain class needs, read from its constructor and through its helpers down to components. */
export interface PlainClass {
  readonly name: string;
  /** each component or group once: first those of the constructor and its helpers in order of parameters, then those behind `delay()` */
  readonly needs: readonly Need[];

  readonly problems: readonly Problem[];
}

/** Which component a tsyringe token stands for: its class, or its name as a string. */
export type Find = (token: unknown) => Token | undefined;

/** Builds plain classes out of the started components of one Running. */
export interface Container {
  /**
   * Makes a component's value known under its class and its name.
   * Called again with another value (a restart), it replaces the first, and singletons built with that one are forgotten.
   */
  provide(token: Token, name: string, value: unknown): void;
  /**
   * A new instance of a component's class. What its constructor throws passes untouched.
   *
   * @throws {InjectionError} when one of its parameters cannot be had
   */
  build<T>(constructor: Ctor<T>): T;
  /**
   * A component's value, or a helper with the lifetime it was decorated with; a singleton is one per container.
   *
   * @throws {InjectionError} when it, or a helper it needs, cannot be built from what was provided
   */
  resolve<T>(constructor: Ctor<T>): T;
}

/** Reads what a class needs; nothing is built. Whatever is not a component is a helper, and its needs count as the class's own. */
export function inspect(constructor: Ctor, find: Find): PlainClass {
  return new Inspection(constructor, find);
}

/**
 * Makes an empty container. Registrations and decorators in tsyringe's global container are respected but never written to:
 * a global singleton is one per container here.
 *
 * @param membersOf the values of a group's members, for `@injectAll("group")`
 */
export function createContainer(membersOf: (group: string) => readonly unknown[]): Container {
  const root = tsyringe().instance;
  const child = root.createChildContainer();
  const provided = new Map<unknown, { readonly token: Token; readonly value: unknown }>();
  const find: Find = (token) => provided.get(token)?.token;

  // A registration holds its singleton: copies keep those of this container out of the global one.
  const adopted: Registration[] = [];
  child._registry.clear();
  const adopt = (token: unknown): boolean => {
    if (!child._registry.has(token) && root._registry.has(token)) {
      const copies = root._registry.getAll(token).map(({ provider, options }) => {
        return { provider: provided.has(provider.useClass) ? { useToken: provider.useClass } : provider, options };
      });
      child._registry.setAll(token, copies);
      adopted.push(...copies);
    }
    return child._registry.has(token);
  };
  const forget = (token: Token, values: readonly unknown[]): void => {
    const stale = (need: Need) =>
      isAll(need) ? membersOf(need.of.name).some((member) => values.includes(member)) : (isOptional(need) ? need.of : need) === token;
    for (const registration of adopted) {
      const { useClass } = registration.provider;
      if (registration.instance && (!useClass || inspect(useClass, find).needs.some(stale))) registration.instance = undefined;
    }
  };

  const plainly = { resolve: child.resolve.bind(child), resolveAll: child.resolveAll.bind(child) };
  child.resolve = (token, context, optional) => {
    if (provided.has(token)) return provided.get(token)?.value;
    const component = typeof token === "function" ? definitionOf(token as Ctor)?.name : token;
    if (adopt(token) || typeof component !== "string") return plainly.resolve(token, context, optional);
    if (optional) return undefined;
    const names = [...provided.keys()].filter((name) => typeof name === "string");
    throw new InjectionError(`"${component}" is not running${didYouMean(component, names)}`, { component });
  };
  child.resolveAll = (token, context, optional) => {
    if (provided.has(token)) return [provided.get(token)?.value];
    return adopt(token) || typeof token !== "string" ? plainly.resolveAll(token, context, optional) : membersOf(token);
  };

  return {
    provide(token, name, value) {
      const before = provided.get(name);
      for (const one of typeof token === "function" ? [token, name] : [name]) provided.set(one, { token, value });
      if (before && !Object.is(before.value, value)) forget(token, [before.value, value]);
    },
    build: (constructor) => guard(constructor, () => child.construct(constructor, { scopedResolutions: new Map() })),
    resolve(constructor) {
      const { name: component, problems } = inspect(constructor, find);
      const [first, ...notes] = find(constructor) || definitionOf(constructor) ? [] : problems.map(({ message }) => message);
      if (first !== undefined) throw new InjectionError(first, { component, notes });
      return guard(constructor, () => child.resolve(constructor));
    },
  };
}

interface Site {
  /** where a token was asked for, in words */
  readonly place: string;
  readonly owner: Ctor;
  readonly optional: boolean;
  readonly multiple: boolean;
}

class Inspection implements PlainClass {
  readonly name: string;
  readonly problems: Problem[] = [];
  readonly needs: readonly Need[];
  readonly #needs = new Map<unknown, Need>();
  readonly #seen = new Set<Ctor>();
  readonly #delayed: (() => void)[] = [];
  readonly #find: Find;

  constructor(constructor: Ctor, find: Find) {
    this.name = tokenName(constructor);
    this.#find = find;
    this.#helper(constructor, []);
    for (const visit of this.#delayed) visit();
    this.needs = [...this.#needs.values()];
  }

  #parameters(owner: Ctor, info: readonly unknown[], trail: readonly Ctor[]): void {
    for (let index = 0; index < Math.max(info.length, owner.length); index++) {
      const { token, transform, multiple = false, isOptional = false } = descriptor(info[index]);
      const site = { place: `parameter ${index + 1} of "${tokenName(owner)}"`, owner, optional: isOptional, multiple };
      if (transform) this.#token(transform, site, trail);
      if (index in info) this.#token(token, site, trail);
      else this.#problem("untyped", `${site.place} has no type at run time; ${GIVE_TOKEN}, or compile with emitDecoratorMetadata`);
    }
  }

  #token(token: unknown, site: Site, trail: readonly Ctor[]): void {
    const { optional, multiple } = site;
    if (isDelayed(token)) return void this.#delayed.push(() => this.#token(token.wrap(), site, []));
    const found = this.#find(token);
    if (found !== undefined) return this.#need(found, optional);
    const { _registry: registry } = tsyringe().instance;
    if (registry.has(token)) {
      for (const { provider } of registry.getAll(token).slice(multiple ? 0 : -1)) {
        if (provider.useToken !== undefined) this.#token(provider.useToken, site, trail);
        else if (provider.useClass) this.#class(provider.useClass, site, trail);
      }
    } else if (typeof token === "function") this.#class(token as Ctor, site, trail);
    else if (typeof token === "string" && token.trim() !== "") {
      if (multiple) this.#needs.set(`all ${token}`, all(group(token)));
      else this.#need(key()(token), optional);
    } else if (token === undefined) {
      this.#problem("untyped", `${site.place} is undefined: modules that import each other; use ${USE_DELAY}`);
    } else if (!optional) this.#problem("missing", `${site.place} asks for ${describe(token)}, which nobody provides`);
  }

  #class(constructor: Ctor, site: Site, trail: readonly Ctor[]): void {
    const found = this.#find(constructor) ?? (definitionOf(constructor) && constructor);
    if (found) return this.#need(found, site.optional);
    if (isBuiltin(constructor)) {
      // tsyringe ignores the @inject()s of an inherited constructor whose own class is not decorated.
      const base = ancestor(site.owner, (one) => !parameterInfo(one) && Reflect.hasOwnMetadata("injectionTokens", one));
      const remedy = base ? `decorate "${tokenName(base)}", which it extends, with @injectable() too, or ${GIVE_TOKEN}` : GIVE_TOKEN;
      return this.#problem("untyped", `${site.place} is of type ${constructor.name} at run time, which says not what to inject; ${remedy}`);
    }
    if (constructor.length > 0 && !parameterInfo(constructor)) {
      const what = `"${tokenName(constructor)}", which is neither a component nor decorated`;
      return this.#problem("missing", `${site.place} is ${what}; add it to the system, or decorate it with @injectable()`);
    }
    this.#helper(constructor, trail);
  }

  #helper(constructor: Ctor, trail: readonly Ctor[]): void {
    const from = trail.indexOf(constructor);
    if (from >= 0) {
      const cycle = [...trail.slice(from), constructor].map(tokenName).join(" -> ");
      this.#problem("cycle", `cycle: ${cycle}; inject one of them with ${USE_DELAY}`);
    }
    if (this.#seen.has(constructor)) return;
    this.#seen.add(constructor);
    const info = parameterInfo(constructor);
    if (info) return this.#parameters(constructor, info, [...trail, constructor]);
    const base = ancestor(constructor, (one) => (parameterInfo(one) ?? []).length > 0);
    if (!base && constructor.length === 0) return;
    const why = base ? `extends "${tokenName(base)}" without a decorator of its own` : "has parameters but no decorator";
    const remedy = "nothing would be injected; decorate it with @Component() or @injectable()";
    this.#problem("untyped", `"${tokenName(constructor)}" ${why}: ${remedy}`);
  }

  #need(token: Token, optional: boolean): void {
    const id = typeof token === "function" ? token : `key ${token.name}`;
    const known = this.#needs.get(id);
    if (known && !isOptional(known)) return;

    this.#needs.set(id, optional ? opt(token) : token);
  }

  #problem(kind: Problem["kind"], message: string): void {
    this.problems.push({ kind, component: this.name, message });
  }
}

const GIVE_TOKEN = 'give it a token: @inject("name")';
const USE_DELAY = "@inject(delay(() => TheClass))";

function descriptor(info: unknown): Descriptor {
  return typeof info === "object" && info !== null && "token" in info ? (info as Descriptor) : { token: info };
}

function isDelayed(token: unknown): token is { wrap(): unknown } {
  return typeof token === "object" && token !== null && "wrap" in token;
}

function isAll(need: Need): need is All<unknown> {
  return typeof need === "object" && need.kind === "all";
}

/** What the compiler writes for a type that is erased (Object, String, Promise, Map, …): a class of the language itself. */
function isBuiltin(constructor: Ctor): boolean {
  return Function.prototype.toString.call(constructor).endsWith("{ [native code] }");
}

function ancestor(constructor: Ctor, test: (base: Ctor) => boolean): Ctor | undefined {
  const base: unknown = Object.getPrototypeOf(constructor);
  if (typeof base !== "function") return undefined;
  return test(base as Ctor) ? (base as Ctor) : ancestor(base as Ctor, test);
}

function guard<T>(constructor: Ctor<T>, build: () => unknown): T {
  try {
    return build() as T;
  } catch (error) {
    // tsyringe wraps what goes wrong in a parameter, a level at a time; anything else comes from the class's own constructor.
    const [, reason] = /^Cannot inject the dependency[^]*Reason:\n\s*(.*)/.exec(error instanceof Error ? error.message : "") ?? [];
    if (reason === undefined) throw error;
    throw new InjectionError(`"${tokenName(constructor)}" cannot be built: ${reason}`, { component: tokenName(constructor), cause: error });
  }
}

interface Descriptor {
  readonly token: unknown;
  readonly multiple?: boolean;
  readonly isOptional?: boolean;
  readonly transform?: unknown;
}

interface Registration {
  readonly provider: { readonly useClass?: Ctor; readonly useToken?: unknown };
  readonly options: object;
  instance?: unknown;
}

type Resolve<T> = (token: unknown, context?: object, optional?: boolean) => T;

interface TsyringeContainer {
  readonly _registry: {
    has(token: unknown): boolean;
    getAll(token: unknown): readonly Registration[];
    setAll(token: unknown, registrations: readonly Registration[]): void;
    clear(): void;
  };
  createChildContainer(): TsyringeContainer;
  construct(constructor: Ctor, context: { scopedResolutions: Map<unknown, unknown> }): unknown;
  resolve: Resolve<unknown>;
  resolveAll: Resolve<readonly unknown[]>;
}

interface Tsyringe {
  readonly typeInfo: ReadonlyMap<Ctor, readonly unknown[]>;
  readonly instance: TsyringeContainer;
}

let loaded: Tsyringe | undefined;

/**
 * The module of tsyringe that knows which classes were decorated and with what; its public one says neither,
 * and nothing else tells a decorated subclass from one that was forgotten.
 */
function tsyringe(): Tsyringe {
  return (loaded ??= require("tsyringe/dist/cjs/dependency-container.js") as Tsyringe);
}

/** What tsyringe will inject, a parameter each; undefined where this very class, not one it extends, was not decorated. */
function parameterInfo(constructor: Ctor): readonly unknown[] | undefined {
  return tsyringe().typeInfo.get(constructor);
}
