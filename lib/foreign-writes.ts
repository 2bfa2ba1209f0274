/** Sends what others write to a terminal above the board that stands on it. */

type Stream = Pick<NodeJS.WriteStream, "write" | "isTTY">;

/**
 * While it is in force, whole lines written to the terminals among the streams go to `log`; the rest of a line follows when
 * it is released. Writers that were bound to a stream before are not touched.
 *
 * @returns how to release the streams
 */
export function divertWrites(streams: readonly Stream[], log: (line: string) => void): () => void {
  const releases = streams.filter((stream) => stream.isTTY).map((stream) => divert(stream, log));
  return () => releases.forEach((release) => release());
}

function divert(stream: Stream, log: (line: string) => void): () => void {
  const original = stream.write;
  const write = original.bind(stream);
  let rest = "";
  stream.write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    const lines = (rest + (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString())).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) log(lines.join("\n"));
    const callback = typeof encoding === "function" ? encoding : done;
    if (typeof callback === "function") queueMicrotask(() => (callback as () => void)());
    return true;
  }) as typeof stream.write;
  return () => {
    stream.write = original;
    if (rest) write(rest);
  };
}
