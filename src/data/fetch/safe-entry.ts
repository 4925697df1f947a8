/** What an archive may put where: nothing outside its folder, no links, no more than was announced. */
import { PixelwiseError } from '../../errors/index.js';

/** Bounds that an honest archive of a data set keeps to by far. */
export interface ExtractLimits {
  /** All files together, unpacked. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface ExtractOptions extends ExtractLimits {
  /** Leaves entries out by their path (with `/`); all are taken without it. */
  readonly wanted?: (path: string) => boolean;
  readonly signal?: AbortSignal;
}

/** An archive that is damaged, or asks for what none may have. Nothing of it is kept. */
export function refused(archive: string, why: string, cause?: unknown): PixelwiseError {
  return new PixelwiseError(
    'archive',
    `${archive}: ${why} Nothing of it was unpacked. Fetch it again from its publisher.`,
    {
      cause,
    },
  );
}

/** The entry's path with `/`, without a leading `./`. Throws for paths that could leave the folder on any system. */
export function safePath(archive: string, path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const bad =
    path.includes('\0') ||
    path.includes('\\') ||
    path.startsWith('/') ||
    /^[A-Za-z]:/.test(path) ||
    parts.includes('..') ||
    parts.some((part) => part.length > 255);
  if (bad)
    throw refused(archive, `it holds the path ${JSON.stringify(path)}, which leads out of its folder.`);
  return parts.join('/');
}

/** Counts what has been unpacked and stops at the bounds. */
export class Allowance {
  private bytes = 0;
  private entries = 0;

  constructor(
    private readonly archive: string,
    private readonly limits: ExtractLimits,
  ) {}

  entry(): void {
    if (++this.entries > this.limits.maxEntries) {
      throw refused(this.archive, `it holds more than ${this.limits.maxEntries} entries.`);
    }
  }

  take(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.limits.maxBytes) {
      throw refused(
        this.archive,
        `it unpacks to more than ${Math.round(this.limits.maxBytes / 2 ** 20)} MiB.`,
      );
    }
  }
}
