/** What an archive may unpack to: files and folders inside its target, and no more of them than announced. */
import { PixelwiseError } from '../../errors/index.js';

/** Upper bounds, well above what an honest archive of the kind holds. */
export interface ExtractLimits {
  /** Bytes of all files together, unpacked. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface ExtractOptions extends ExtractLimits {
  /** Whether to extract the entry at this path (with `/`); default: all. */
  readonly wanted?: (path: string) => boolean;
  readonly signal?: AbortSignal;
}

/** The error for an archive that is damaged or that holds something unsafe. */
export function archiveError(archive: string, problem: string, cause?: unknown): PixelwiseError {
  return new PixelwiseError(
    'archive',
    `${archive}: ${problem} Nothing was unpacked. Download it again from its publisher.`,
    { cause },
  );
}

/** Turns a library's error into one that names the archive; errors that do so already, and aborts, stay as they are. */
export function asArchiveError(archive: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof PixelwiseError || signal?.aborted === true) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return archiveError(archive, `the archive is damaged (${reason}).`, error);
}

/** Counts entries and bytes, and checks every entry's path, before anything of an entry is written. */
export class ExtractGuard {
  private bytes = 0;
  private entries = 0;

  constructor(
    private readonly archive: string,
    private readonly options: ExtractOptions,
  ) {}

  /**
   * Admits an entry and returns its path with `/` and without a leading `./`.
   *
   * @throws PixelwiseError `archive` beyond the limits, or for a path that leads out of the target on any system.
   */
  admit(path: string, size: number): string {
    const { maxEntries, maxBytes } = this.options;
    if (++this.entries > maxEntries) throw this.error(`it holds more than ${maxEntries} entries.`);
    this.bytes += size;
    if (this.bytes > maxBytes) {
      throw this.error(`it unpacks to more than ${Math.round(maxBytes / 2 ** 20)} MiB.`);
    }
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const isUnsafe =
      /[\0\\]/.test(path) ||
      path.startsWith('/') ||
      /^[A-Za-z]:/.test(path) ||
      parts.includes('..') ||
      parts.some((part) => part.length > 255);
    if (isUnsafe) throw this.error(`its entry ${JSON.stringify(path)} leads out of the target folder.`);
    return parts.join('/');
  }

  wants(path: string): boolean {
    return path !== '' && (this.options.wanted?.(path) ?? true);
  }

  /** The error for an entry that is neither a file nor a folder. */
  special(path: string): PixelwiseError {
    return this.error(`its entry ${JSON.stringify(path)} is a link or a device, which no data set needs.`);
  }

  error(problem: string): PixelwiseError {
    return archiveError(this.archive, problem);
  }
}
