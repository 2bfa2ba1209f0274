/** A value that does as much as a test needs, and fails loudly beyond that. */
import { StandInError, type Ctor, type Key } from "../../lib/index.js";

/** What promises, printers and matchers look for in any value: asking for it means nothing. */
const PROBED = /^(?:then|toJSON|inspect|asymmetricMatch|nodeType|tagName|\$\$typeof|@@.*)$/;

/**
 * A value with only the members given; asking for any other throws at once. A stand-in can be awaited, printed and compared,
 * and is never stopped. Members are called with the stand-in as `this`; what is assigned to it is kept.
 *
 * @param token the key or class it stands for, or, for a value within another stand-in, any name
 * @throws {StandInError} from the stand-in, wherever a member is read that it does not have
 */
export function standIn<V extends object>(token: Key<V> | Ctor<V> | string, members: NoInfer<Partial<V>> & ThisType<V>): V {
  const name = typeof token === "string" ? token : token.name;
  return new Proxy(members, {
    get: (target, member, receiver) => {
      if (member in target || typeof member === "symbol" || PROBED.test(member)) return Reflect.get(target, member, receiver) as unknown;
      const has = Object.keys(target);
      throw new StandInError(`The stand-in for "${name}" was asked for "${member}", which it does not have`, {
        component: name,
        fix: `give it that member: standIn(…, { ${[...has, member].join(", ")} })`,
      });
    },
  }) as V;
}
