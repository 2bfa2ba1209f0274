/** How ids are written, in files and for people. */

/** Turns ids into texts and back. */
export interface IdCodec<Id> {
  /** For people, logs and id files. */
  format(id: Id): string;
  /** The id that a line of an id file stands for; `like` is one of the source. Undefined: the text is no such id. */
  parse(text: string, like: Id): Id | undefined;
  /** As JSON, for the paging state; loses nothing. */
  toJson(id: Id): unknown;
  /** @throws when it was not made by `toJson` */
  fromJson(json: unknown): Id;
}

/** For ids that are texts or numbers. */
export const plainIds: IdCodec<string | number> = {
  format: String,
  parse: (text, like) => (typeof like === "string" ? text : numberOf(text)),
  toJson: (id) => id,
  fromJson: (json) => {
    if (typeof json === "string" || typeof json === "number") return json;
    throw new TypeError(`Expected a text or a number, got ${typeof json}`);
  },
};

function numberOf(text: string): number | undefined {
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : undefined;
}
