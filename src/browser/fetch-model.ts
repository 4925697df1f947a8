/** A model's bytes, from wherever a page has them. */
import { PixelwiseError } from '../errors/index.js';

/**
 * Reads a model whole. @param onProgress bytes so far, and of all where the server says.
 * @throws PixelwiseError `model-missing` where the address gives none.
 */
export async function fetchModel(
  source: string | Uint8Array | Blob,
  signal: AbortSignal,
  onProgress: (loaded: number, total: number | undefined) => void,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  if (source instanceof Uint8Array) return { bytes: source, name: 'model in memory' };
  if (source instanceof Blob) {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : 'model in memory';
    return { bytes: new Uint8Array(await source.arrayBuffer()), name };
  }
  let response: Response;
  try {
    response = await fetch(source, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new PixelwiseError(
      'model-missing',
      `${source} cannot be fetched. Check the address and the network.`,
      {
        cause,
      },
    );
  }
  if (!response.ok || response.body === null) {
    throw new PixelwiseError('model-missing', `${source}: the server answers ${response.status}.`);
  }
  // A compressed body is longer than its header says, and then the whole is not known.
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
