/**
 * Shares decoded files between passes over a data set. Before training starts, several passes read the same
 * files: inference of what mask values mean, doctor's checks, choice of settings, normalisation, class counts.
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
 * Runs `work` with a cache that all decoder calls inside it share. A nested call uses the outer cache. Files must
 * not change during `work`. The cache is freed afterwards.
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
 * Decodes a file with `decode`, or copies the result of an earlier call with the same path, kind and options.
 * Outside {@link shareDecoding}, and for bytes in memory, it always decodes.
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
  private readonly cached = new Map<string, Promise<object>>();
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
    const cached = this.cached.get(key) as Promise<T> | undefined;
    if (cached !== undefined) return withOwnArrays(await cached);
    this.options.onDecode?.(path, kind);
    // Nothing is evicted: passes read the files in order, so with LRU eviction every read would be a miss.
    if (this.bytes >= this.maxBytes) return decode();
    const decoding = decode();
    this.cached.set(key, decoding);
    try {
      const decoded = await decoding;
      this.bytes += bytesOf(decoded);
      if (this.bytes > this.maxBytes) this.cached.delete(key);
      return withOwnArrays(decoded);
    } catch (error) {
      this.cached.delete(key);
      throw error;
    }
  }

  /** Frees the pixels. Work that is still running afterwards decodes without the cache. */
  close(): void {
    this.cached.clear();
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
