/** A signal that fires when any of several does, and keeps them. */

const sources = new WeakMap<AbortSignal, readonly AbortSignal[]>();

/**
 * As `AbortSignal.any`, which holds its sources weakly: of a timeout's signal that nobody else holds, the collector makes one
 * that never fires. Here they live as long as the signal does.
 */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  sources.set(any, signals);
  return any;
}
