/** Builds BSON documents out of elements that are bytes already. */

/** A document of these elements. */
export function embed(elements: readonly Uint8Array[]): Buffer {
  const document = Buffer.concat([SIZE, ...elements, END]);
  document.writeInt32LE(document.length, 0);
  return document;
}

/** An element of a type, with a name and a value. */
export function element(type: number, name: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
}

export const DOCUMENT_TYPE = 0x03;
export const BOOLEAN_TYPE = 0x08;
export const TRUE = Buffer.from([1]);
export const FALSE = Buffer.from([0]);
const SIZE = Buffer.alloc(4);
const END = Buffer.alloc(1);
