/** Digests of files, to compare with published ones. */
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
