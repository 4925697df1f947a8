/** What the operating system's refusals mean, for people: which disk is full, read-only or gone, and what to do. */
import { PixelwiseError } from '../errors/index.js';

const FULL = 'Free some space, or name a place on another disk.';
const ELSEWHERE = 'Name another place, or make this one writable.';
const GONE = 'the disk is gone or does not answer';

const REASONS: Readonly<Record<string, readonly [reason: string, advice: string]>> = {
  ENOSPC: ['the disk is full', FULL],
  EDQUOT: ['your quota on this disk is used up', FULL],
  EFBIG: ['the file is larger than this file system allows', 'Name a place on another disk.'],
  EROFS: ['the file system is read-only', ELSEWHERE],
  EACCES: ['you may not write there', ELSEWHERE],
  EPERM: ['you may not write there', ELSEWHERE],
  ENOENT: ['its folder does not exist (any more)', 'Is the disk still connected?'],
  EIO: [GONE, 'Is it still connected?'],
  ENXIO: [GONE, 'Is it still connected?'],
  ENODEV: [GONE, 'Is it still connected?'],
  ESTALE: [GONE, 'Is it still connected?'],
  ENOTDIR: ['a file is where a folder is needed', 'Name another place.'],
  EISDIR: ['a folder of this name exists', 'Name another file.'],
  EEXIST: ['something of this name exists', 'Name another place.'],
  ENOTEMPTY: ['a folder of this name exists and is not empty', 'Name another place.'],
  EBUSY: ['another program holds it open', 'Close that program and try again.'],
  ENAMETOOLONG: ['the name is too long for this file system', 'Shorten the name of the file.'],
  EMFILE: ['too many files are open', 'Raise the limit of open files (ulimit -n).'],
};

/** Whether an error is a refusal of the operating system. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'code' in error && /^E[A-Z\d]+$/.test(String(error.code));
}

/** The refusal in words: `the disk is full (ENOSPC). Free some space…`; its own message if it is an unusual one. */
export function systemErrorText(error: NodeJS.ErrnoException & { code: string }): string {
  const known = REASONS[error.code];
  return known ? `${known[0]} (${error.code}). ${known[1]}` : `${error.message}.`;
}

/**
 * The error for a file or folder that cannot be written.
 *
 * @param more a last sentence, such as what became of an earlier file.
 */
export function writeError(
  path: string,
  cause: NodeJS.ErrnoException & { code: string },
  more = '',
): PixelwiseError {
  const text = `${path} could not be written: ${systemErrorText(cause)}${more && ` ${more}`}`;
  return new PixelwiseError('write-failed', text, { cause });
}

/**
 * Does work on the file system that changes `path`.
 *
 * @throws {@link writeError} where the operating system refuses it; other errors as they are.
 */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isSystemError(error) ? writeError(path, error) : error;
  }
}
