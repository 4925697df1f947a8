/** Reads a model's bytes from an address, a buffer or a file. Uses nothing from Node. */
import { PixelwiseError } from '../errors/index.js';

/**
 * Reads the complete model file.
 * @param onProgress receives the bytes read so far, and the total if the server sends it.
 * @throws PixelwiseError `model-missing` if the download fails.
 */
export async function fetchModel(
  source: string | Uint8Array | Blob,
  signal: AbortSignal | undefined,
  onProgress: (loaded: number, total: number | undefined) => void,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  if (source instanceof Uint8Array) return { bytes: source, name: 'model in memory' };
  if (source instanceof Blob) {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : 'model in memory';
    return { bytes: new Uint8Array(await source.arrayBuffer()), name };
  }
  let response: Response;
  try {
    response = await fetch(source, { signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new PixelwiseError(
      'model-missing',
      `${source} cannot be fetched. Check the address and the network.`,
      {
        cause,
      },
    );
  }
  if (!response.ok || response.body === null) {
    throw new PixelwiseError('model-missing', `${source}: the server answered ${response.status}.`);
  }
  // Content-Length counts the compressed bytes. The size after decompression is unknown.
  const length = response.headers.has('content-encoding') ? null : response.headers.get('content-length');
  const total = length === null ? undefined : Number(length);
  return { bytes: await readAll(response.body, (loaded) => onProgress(loaded, total)), name: source };
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  onProgress: (loaded: number) => void,
): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    loaded += part.value.length;
    onProgress(loaded);
  }
  const whole = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
