/** Reads text files of other programs: UTF-8 with or without a byte-order mark, or UTF-16 (Excel, PowerShell). */
import { readFile } from 'node:fs/promises';

/** Reads a text file. The encoding is detected from its first bytes; a byte-order mark is removed. */
export async function readText(path: string): Promise<string> {
  return decodeText(await readFile(path));
}

/** Lines of a text file, trimmed, without the empty ones. */
export async function readLines(path: string): Promise<string[]> {
  const lines = (await readText(path)).split(/\r\n|\r|\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '');
}

/** Decodes text by its byte-order mark; without one, as UTF-16 if every second byte is zero, else as UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  return new TextDecoder(encoding).decode(bytes);
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const head = bytes.subarray(0, 64);
  if (head.length >= 4 && head.every((byte, i) => (byte === 0) === (i % 2 === 1))) return 'utf-16le';
  if (head.length >= 4 && head.every((byte, i) => (byte === 0) === (i % 2 === 0))) return 'utf-16be';
  return 'utf-8';
}
