/** Digests of files: to compare with published ones, and to notice damage to files of our own. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export interface Checksum {
  readonly algorithm: 'sha256' | 'md5';
  /** Lower-case hexadecimal. May be only the first digits, if no more are published. */
  readonly digest: string;
}

/** The full digest of a file, in lower-case hexadecimal. */
export async function digestOf(path: string, algorithm: Checksum['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** The SHA-256 of bytes or UTF-8 text, in lower-case hexadecimal. */
export const sha256 = (content: Uint8Array | string): string =>
  createHash('sha256').update(content).digest('hex');

/** Name of the file in a folder that lists the checksums of its files. `sha256sum --check` reads it too. */
export const CHECKSUMS_FILE = 'SHA256SUMS';

/** The content of {@link CHECKSUMS_FILE}: a line `DIGEST  NAME` a file. */
export const encodeChecksums = (digests: ReadonlyMap<string, string>): string =>
  [...digests].map(([name, digest]) => `${digest}  ${name}\n`).join('');

/** Digests by file name, from the content of {@link CHECKSUMS_FILE}; undefined if it is damaged. */
export function decodeChecksums(text: string): Map<string, string> | undefined {
  const digests = new Map<string, string>();
  const lines = text.split('\n');
  if (lines.pop() !== '') return undefined;
  for (const line of lines) {
    const match = /^([\da-f]{64}) {2}(.+)$/.exec(line);
    if (!match || digests.has(match[2]!)) return undefined;
    digests.set(match[2]!, match[1]!);
  }
  return digests;
}

/** Name of the entry that {@link withChecksum} adds. */
const CHECKSUM_ENTRY = 'checksum';

/** An object for a JSON file, with the checksum of its other entries as the last one. */
export function withChecksum(object: object): object {
  const { [CHECKSUM_ENTRY]: _old, ...entries } = object as Record<string, unknown>;
  return { ...entries, [CHECKSUM_ENTRY]: sha256(JSON.stringify(entries)) };
}

/**
 * Takes the checksum from an object that was read from a JSON file. White space of the file does not count.
 *
 * @returns the other entries, and whether they are as they were written; undefined if there is no checksum.
 */
export function checkedEntries(object: object): {
  readonly entries: object;
  readonly intact: boolean | undefined;
} {
  const { [CHECKSUM_ENTRY]: checksum, ...entries } = object as Record<string, unknown>;
  const intact = checksum === undefined ? undefined : checksum === sha256(JSON.stringify(entries));
  return { entries, intact };
}
