/** Builds BSON documents in larger pieces of memory, without making a buffer for each part of them. */

import { DOCUMENT_TYPE } from "./raw-build.js";

/** One document after the other: `begin`, its elements, `end`. What is built lives as long as anything else in its piece. */
export class RawBuilder {
  #piece = Buffer.alloc(0);
  #start = 0;
  #at = 0;
  /** where the documents begin that are not closed */
  readonly #open: number[] = [];

  /** @param most how many bytes it may have */
  begin(most: number): void {
    if (this.#piece.length - this.#at < most) {
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE, most));
      this.#at = 0;
    }
    this.#start = this.#at;
    this.#open.length = 0;
    this.#beginDocument();
  }

  /** Whole elements, or the rest of one. */
  add(bytes: Uint8Array, from = 0): void {
    const piece = this.#piece;
    let at = this.#at;
    if (bytes.length - from > SHORT) {
      piece.set(from === 0 ? bytes : bytes.subarray(from), at);
      at += bytes.length - from;
    } else for (let index = from; index < bytes.length; index++) piece[at++] = bytes[index] as number;
    this.#at = at;
  }

  /** An element without its value. */
  name(type: number, name: string): void {
    this.#piece[this.#at++] = type;
    const start = this.#at;
    for (let index = 0; index < name.length; index++) {
      const code = name.charCodeAt(index);
      if (code > 127) {
        this.#at = start + this.#piece.write(name, start, "utf8");
        break;
      }
      this.#piece[this.#at++] = code;
    }
    this.#piece[this.#at++] = 0;
  }

  /** An element that is a document: up to `close`, what is added is in it. */
  open(name: string): void {
    this.name(DOCUMENT_TYPE, name);
    this.#beginDocument();
  }

  /** The same for an array, whose elements are named by their places. */
  openArray(name: string): void {
    this.name(ARRAY_TYPE, name);
    this.#beginDocument();
  }

  close(): this {
    this.#piece[this.#at++] = 0;
    const start = this.#open.pop() ?? this.#start;
    this.#piece.writeInt32LE(this.#at - start, start);
    return this;
  }

  end(): Uint8Array {
    this.close();
    return this.#piece.subarray(this.#start, this.#at);
  }

  #beginDocument(): void {
    this.#open.push(this.#at);
    this.#at += 4;
  }
}

const ARRAY_TYPE = 0x04;
const PIECE = 256 * 1024;
/** more bytes are copied faster by the runtime */
const SHORT = 48;
