/**
 * Pretrained encoders, by file or by name. Each name is that of a published file, which is downloaded once into the
 * user's cache and checked against the publisher's hash on every use.
 */
import { join } from 'node:path';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { cacheFolder, Claim, digestOf, download, type DownloadProgress, isFile } from '../files/index.js';
import { encoderEntry, type PublishedWeights } from '../models/index.js';
import { readWeights } from './file.js';
import { matchEncoderWeights, type NamedShape } from './match.js';
import type { WeightTensor } from './tensor.js';

export interface FetchOptions {
  /** Folder for published weights. Default: `weights` in the user's cache folder. */
  readonly folder?: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
  /** Timeout in seconds without a single byte received. Default 60. */
  readonly patience?: number;
}

export interface EncoderWeights {
  /** In the order of the request. */
  readonly tensors: readonly WeightTensor[];
  /** The file that they were read from. */
  readonly source: string;
  /**
   * The normalisation of images that they were trained with and therefore need. For these encoders, the weights of
   * torchvision and of timm alike expect ImageNet's mean and standard deviation by channel.
   */
  readonly normalization: 'imagenet';
}

/**
 * Loads weights for an encoder.
 *
 * @param encoder its name in `ENCODERS`.
 * @param fileOrName the path of a weight file (see `readWeights`) with torchvision's or timm's names, or the name
 *   of published weights (`imagenet`).
 * @param wanted the encoder's tensors, by torchvision's names.
 * @throws UsageError if `fileOrName` is neither; PixelwiseError if the file cannot be downloaded or read, or does
 *   not fit.
 */
export async function loadEncoderWeights(
  encoder: string,
  fileOrName: string,
  wanted: readonly NamedShape[],
  options: FetchOptions = {},
): Promise<EncoderWeights> {
  const found = await findWeights(encoder, fileOrName);
  const path = typeof found === 'string' ? found : await fetchWeights(found, options);
  const file = await readWeights(path);
  return {
    tensors: matchEncoderWeights(encoderEntry(encoder), wanted, file),
    source: path,
    normalization: 'imagenet',
  };
}

/**
 * What `fileOrName` means for an encoder: the path of a file, or published weights. Nothing is downloaded.
 *
 * @throws UsageError if it is neither.
 */
export async function findWeights(encoder: string, fileOrName: string): Promise<string | PublishedWeights> {
  const { published } = encoderEntry(encoder);
  if (Object.hasOwn(published, fileOrName)) return published[fileOrName]!;
  if (await isFile(fileOrName)) return fileOrName;
  throw new UsageError(
    `"${fileOrName}" is neither a weight file nor the name of published weights for ${encoder} ` +
      `(${Object.keys(published).join(', ')}).`,
  );
}

/**
 * The path of published weights on this machine. Downloads them if they are not in the cache.
 *
 * @throws PixelwiseError if the download fails (saying where to put the file by hand), or the file in the cache has
 *   another hash.
 */
export async function fetchWeights(weights: PublishedWeights, options: FetchOptions = {}): Promise<string> {
  const folder = options.folder ?? join(cacheFolder(), 'weights');
  const path = join(folder, weights.fileName);
  if (await isFile(path)) return checked(path, weights);
  const { signal } = options;
  // Two processes that need them at once: one downloads, the other waits for it.
  const claim = await Claim.take(folder, {
    purpose: 'fetch',
    part: weights.fileName,
    keepEmpty: true,
    wait: true,
    signal,
  });
  try {
    if (await isFile(path)) return await checked(path, weights);
    await download({
      url: weights.url,
      path,
      checksum: { algorithm: 'sha256', digest: weights.sha256Prefix },
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(signal && { signal }),
      ...(options.patience !== undefined && { patience: options.patience }),
    });
    return path;
  } finally {
    await claim.release();
  }
}

async function checked(path: string, { sha256Prefix }: PublishedWeights): Promise<string> {
  const digest = await digestOf(path, 'sha256');
  if (digest.startsWith(sha256Prefix)) return path;
  throw new PixelwiseError(
    'weights',
    `${path} is damaged: its SHA-256 starts with ${digest.slice(0, 8)}, not ${sha256Prefix}. ` +
      'Delete it, and it will be downloaded again.',
  );
}

/** The name of published weights for an encoder that are in the cache; undefined if there are none. */
export async function cachedWeights(
  encoder: string,
  { folder = join(cacheFolder(), 'weights') }: Pick<FetchOptions, 'folder'> = {},
): Promise<string | undefined> {
  for (const [name, { fileName }] of Object.entries(encoderEntry(encoder).published)) {
    if (await isFile(join(folder, fileName))) return name;
  }
  return undefined;
}
