/**
 * Shares decoded files between passes over a data set. Before training starts, several passes read the same files:
 * what mask values mean, doctor's checks, the facts that settings are chosen from, normalisation, class counts.
 * Inside `shareDecoding`, a file is decoded by the first pass that needs it, as long as memory allows.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { totalmem } from 'node:os';

export interface ShareOptions {
  /** Bytes of pixels to keep; default 1 GiB, or an eighth of the machine's memory if that is less. */
  readonly maxBytes?: number;
  /** Called with the path of each file that is decoded, and the cause: as an image or as a mask. */
  readonly onDecode?: (path: string, kind: DecodeKind) => void;
}

export type DecodeKind = 'image' | 'mask';

const current = new AsyncLocalStorage<DecodeCache>();

/**
 * Runs `work`; the decoders called from it, directly or not, share their results. A call inside another uses the
 * outer one's cache. Files must not change meanwhile. Afterwards, the pixels are freed.
 */
export async function shareDecoding<T>(work: () => Promise<T>, options: ShareOptions = {}): Promise<T> {
  if (current.getStore() !== undefined) return work();
  const cache = new DecodeCache(options);
  try {
    return await current.run(cache, work);
  } finally {
    cache.close();
  }
}

/**
 * Decodes a file with `decode`, or takes the result of an earlier call with the same path, kind and options. Each
 * caller gets arrays of its own. Outside {@link shareDecoding}, and for bytes in memory, it always decodes.
 */
export async function decodeShared<T extends object>(
  source: string | Uint8Array,
  kind: DecodeKind,
  options: object,
  decode: () => Promise<T>,
): Promise<T> {
  const cache = current.getStore();
  if (cache === undefined || typeof source !== 'string') return decode();
  return cache.get(source, kind, options, decode);
}

class DecodeCache {
  private readonly kept = new Map<string, Promise<object>>();
  private bytes = 0;
  private readonly maxBytes: number;

  constructor(private readonly options: ShareOptions) {
    this.maxBytes = options.maxBytes ?? Math.min(2 ** 30, totalmem() / 8);
  }

  async get<T extends object>(
    path: string,
    kind: DecodeKind,
    options: object,
    decode: () => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify([kind, path, options]);
    const kept = this.kept.get(key) as Promise<T> | undefined;
    if (kept !== undefined) return withOwnArrays(await kept);
    this.options.onDecode?.(path, kind);
    // What came first stays: passes go over the files in turn, so evicting the oldest would miss on every file.
    if (this.bytes >= this.maxBytes) return decode();
    const decoding = decode();
    this.kept.set(key, decoding);
    try {
      const decoded = await decoding;
      this.bytes += bytesOf(decoded);
      if (this.bytes > this.maxBytes) this.kept.delete(key);
      return withOwnArrays(decoded);
    } catch (error) {
      this.kept.delete(key);
      throw error;
    }
  }

  /** Frees the pixels. Work that outlives the scope decodes by itself. */
  close(): void {
    this.kept.clear();
    this.bytes = Infinity;
  }
}

type Values = Uint8Array | Uint16Array | Float32Array;

function bytesOf(decoded: object): number {
  return Object.values(decoded).reduce<number>(
    (sum, value) => sum + (ArrayBuffer.isView(value) ? value.byteLength : 0),
    0,
  );
}

function withOwnArrays<T extends object>(decoded: T): T {
  const entries = Object.entries(decoded).map(([name, value]) => [
    name,
    // `slice` of a Node Buffer would share its memory.
    Buffer.isBuffer(value)
      ? new Uint8Array(value)
      : ArrayBuffer.isView(value)
        ? (value as Values).slice()
        : value,
  ]);
  return Object.fromEntries(entries) as T;
}
