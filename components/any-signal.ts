/** A signal that fires when any of several does, and keeps them. */

const sources = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * As `AbortSignal.any`, which holds its sources weakly: of a timeout's signal that nobody else holds, the collector makes one
 * that never fires. Here they live as long as the signal does. Those that are undefined are left out.
 */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const present = signals.filter((signal) => signal !== undefined);
  const any = AbortSignal.any(present);
  sources.set(any, present);
  return any;
}
