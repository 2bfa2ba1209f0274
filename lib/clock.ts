/** Time that only goes forward; what tells it is loaded when it is first asked. */
let source: typeof performance | undefined;

/** In milliseconds since the process began, with fractions. */
export function clock(): number {
  return (source ??= performance).now();
}
