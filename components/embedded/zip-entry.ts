/** Takes one file out of a zip archive. */
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER_BYTES = 30;
/** the end record and the longest comment that may follow it */
const TAIL_BYTES = 22 + 65_535;

/**
 * Writes the file whose name in the archive ends in `suffix` to `target`.
 * Archives beyond 4 GB (zip64) are not read.
 */
export async function extractEntry(archive: string, suffix: string, target: string): Promise<void> {
  const file = await open(archive);
  try {
    const entry = findEntry(await readDirectory(file), suffix);
    if (!entry) throw new Error(`"${archive}" holds no file "${suffix}"`);
    const header = await read(file, entry.offset, LOCAL_HEADER_BYTES);
    const start = entry.offset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
    const packed = createReadStream(archive, { start, end: start + entry.packedBytes - 1 });
    const unpacked = createWriteStream(target);
    await (entry.isDeflated ? pipeline(packed, createInflateRaw(), unpacked) : pipeline(packed, unpacked));
  } finally {
    await file.close();
  }
}

type File = Awaited<ReturnType<typeof open>>;

async function read(file: File, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function readDirectory(file: File): Promise<Buffer> {
  const { size } = await file.stat();
  const tail = await read(file, Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
  for (let at = tail.length - 22; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) === END_OF_DIRECTORY) return read(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
  }
  throw new Error("not a zip archive");
}

function findEntry(directory: Buffer, suffix: string) {
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === DIRECTORY_ENTRY;) {
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
    if (directory.toString("utf8", at + 46, nameEnd).endsWith(suffix)) {
      return {
        isDeflated: directory.readUInt16LE(at + 10) !== 0,
        packedBytes: directory.readUInt32LE(at + 20),
        offset: directory.readUInt32LE(at + 42),
      };
    }
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return undefined;
}
