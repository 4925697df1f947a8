/**
 * Which files of a folder were written here, so that running a command again replaces its own results and nothing
 * else. A hidden file in the folder, `.pixelwise-written`, has a line for each: name, size and time of change.
 */
import { appendFile, open, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PixelwiseError } from '../errors/index.js';
import { writeError, writing } from './write-error.js';

const RECORD = '.pixelwise-written';

/** Another process may have written a file and be about to record it; in milliseconds. */
const PATIENCE = 300;

export class WrittenFiles {
  readonly folder: string;
  /** Which folder it is, for the file system. */
  private identity: string | undefined;

  constructor(folder: string) {
    this.folder = resolve(folder);
  }

  /**
   * @throws PixelwiseError `file-in-use` if one of the files exists and is not what was written here: it is of other
   *   origin, or was changed since.
   */
  async refuseOthers(paths: readonly string[]): Promise<void> {
    let others = await this.others(paths);
    if (others.length > 0) {
      await wait(PATIENCE);
      others = await this.others(others);
    }
    if (others.length === 0) return;
    const more = others.length > 1 ? ` So do ${others.length - 1} more.` : '';
    throw new PixelwiseError(
      'file-in-use',
      `${others[0]} exists, and Pixelwise did not write it, or it was changed since.${more} Choose another folder with --out, or move such files away.`,
    );
  }

  private async others(paths: readonly string[]): Promise<string[]> {
    let known: ReadonlyMap<string, string> | undefined;
    const others: string[] = [];
    for (const path of paths) {
      const stamp = await stampOf(path);
      if (stamp === undefined) continue;
      known ??= await this.read();
      if (known.get(this.nameOf(path)) !== stamp) others.push(path);
    }
    return others;
  }

  /** Records files that have just been written below the folder. */
  async record(paths: readonly string[]): Promise<void> {
    let lines = '';
    for (const path of paths) {
      const stamp = await stampOf(path);
      if (stamp !== undefined) lines += `${JSON.stringify([this.nameOf(path), stamp])}\n`;
    }
    const path = join(this.folder, RECORD);
    await writing(path, () => appendFile(path, lines));
  }

  /**
   * To be called before files are written: a disk that is gone in the middle must not be written beside.
   *
   * @throws PixelwiseError `write-failed` if the folder was there at an earlier call and is gone, or is another one.
   */
  async requireSameFolder(): Promise<void> {
    const stats = await stat(this.folder, { bigint: true }).catch(() => undefined);
    const identity = stats && `${stats.dev} ${stats.ino}`;
    if (this.identity !== undefined && identity !== this.identity) {
      throw writeError(this.folder, Object.assign(new Error('the folder is gone'), { code: 'ENOENT' }));
    }
    this.identity = identity;
  }

  private nameOf(path: string): string {
    return relative(this.folder, resolve(path)).split(sep).join('/');
  }

  /** The latest stamp of each file. */
  private async read(): Promise<ReadonlyMap<string, string>> {
    const text = await readFile(join(this.folder, RECORD), 'utf8').catch(() => '');
    const stamps = new Map<string, string>();
    for (const line of text.split('\n')) {
      try {
        const [name, stamp] = JSON.parse(line) as [string, string];
        stamps.set(name, stamp);
      } catch {
        // The end of the text, or a line that a full disk has cut off.
      }
    }
    return stamps;
  }
}

async function stampOf(path: string): Promise<string | undefined> {
  const stats = await stat(path).catch(() => undefined);
  // A folder is never replaced by a file.
  return stats?.isFile() ? `${stats.size} ${stats.mtimeMs}` : undefined;
}

/** Bytes at the beginning of a file in which its maker is named. */
const HEAD_BYTES = 1024;

/**
 * For a file that names its maker: checks that nothing else would be replaced.
 *
 * @param mark text in the first bytes of such a file.
 * @throws PixelwiseError `file-in-use` if there is a file without it.
 */
export async function refuseOtherFile(path: string, mark: string): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.size === 0) return;
  // A device such as /dev/stdout or /dev/null is no file to be lost.
  if (!stats.isFile() && !stats.isDirectory()) return;
  if (stats.isFile() && (await headOf(path)).includes(mark)) return;
  throw new PixelwiseError(
    'file-in-use',
    `${path} exists, and Pixelwise did not write it. Choose another name with --out, or move it away.`,
  );
}

async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
