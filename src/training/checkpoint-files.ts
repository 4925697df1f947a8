/**
 * The files of a checkpoint, verified as they are read: `SHA256SUMS` in its folder lists the checksum of each.
 * Checkpoints of earlier versions have no such list and are read as they are.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import {
  CHECKSUMS_FILE,
  decodeChecksums,
  encodeChecksums,
  isSystemError,
  sha256,
  writeFileAtomic,
} from '../files/index.js';

/** Reads the files of a checkpoint. */
export class CheckpointFiles {
  private constructor(
    readonly folder: string,
    private readonly digests: ReadonlyMap<string, string> | undefined,
  ) {}

  /** @throws PixelwiseError `checkpoint` if the list of checksums is damaged. */
  static async open(folder: string): Promise<CheckpointFiles> {
    const path = join(folder, CHECKSUMS_FILE);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isSystemError(error) && error.code === 'ENOENT') return new CheckpointFiles(folder, undefined);
      throw unreadable(path, error);
    }
    const digests = decodeChecksums(text);
    if (!digests) throw damagedFile(path, 'it is not a list of checksums');
    return new CheckpointFiles(folder, digests);
  }

  /** Whether files are verified; false for checkpoints of versions without checksums. */
  get verified(): boolean {
    return this.digests !== undefined;
  }

  /**
   * The bytes of a file.
   *
   * @throws PixelwiseError `checkpoint` if it is missing or not as it was written.
   */
  async read(name: string): Promise<Uint8Array> {
    const path = join(this.folder, name);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw unreadable(path, error);
    }
    if (!this.digests) return bytes;
    const expected = this.digests.get(name);
    if (expected === undefined)
      throw damagedFile(join(this.folder, CHECKSUMS_FILE), `it does not list ${name}`);
    const digest = sha256(bytes);
    if (digest === expected) return bytes;
    throw damagedFile(
      path,
      `its SHA-256 is ${digest.slice(0, 8)}…, but it was written with ${expected.slice(0, 8)}…`,
    );
  }

  /** Like {@link read}; undefined if the checkpoint was written without this file. */
  async readOptional(name: string): Promise<Uint8Array | undefined> {
    if (this.digests) return this.digests.has(name) ? this.read(name) : undefined;
    return this.read(name).catch((error: Error) => {
      if (isSystemError(error.cause) && error.cause.code === 'ENOENT') return undefined;
      throw error;
    });
  }
}

/** Writes the files of a checkpoint into an existing folder, and at the end their checksums. */
export class CheckpointWriter {
  private readonly digests = new Map<string, string>();

  constructor(private readonly folder: string) {}

  async write(name: string, content: Uint8Array | string): Promise<void> {
    this.digests.set(name, sha256(content));
    await writeFileAtomic(join(this.folder, name), content);
  }

  async finish(): Promise<void> {
    await writeFileAtomic(join(this.folder, CHECKSUMS_FILE), encodeChecksums(this.digests));
  }
}

/** What identifies a checkpoint's content, for the pointers to it; undefined if it has no checksums. */
export async function checkpointDigest(folder: string): Promise<string | undefined> {
  const path = join(folder, CHECKSUMS_FILE);
  try {
    return sha256(await readFile(path, 'utf8')).slice(0, 16);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
}

/** The error for a file with contents other than those that were written. */
export function damagedFile(path: string, reason: string, cause?: unknown): PixelwiseError {
  return new PixelwiseError(
    'checkpoint',
    `${path} is damaged (${reason}). Restore it from a copy, or use another checkpoint of the run.`,
    { cause },
  );
}

function unreadable(path: string, error: unknown): PixelwiseError {
  const why = error instanceof Error ? error.message : String(error);
  return new PixelwiseError(
    'checkpoint',
    `${path} cannot be read (${why}): is its folder a checkpoint of this run, and complete?`,
    { cause: error },
  );
}
