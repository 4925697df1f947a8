/** Weight files of any known format, told apart by their first bytes, not by their names. */
import { open } from 'node:fs/promises';
import { PixelwiseError } from '../errors/index.js';
import { decodePth, LEGACY_SIGNATURE, startsWith, ZIP_SIGNATURE } from './pth.js';
import { decodeSafetensors } from './safetensors.js';
import { floatTensors, type WeightFile, type WeightTensor } from './tensor.js';

/** Beyond any segmentation model, and what one buffer can hold everywhere. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** A weight file with its values, which `model.loadStateDict` takes as it is. */
export interface ReadableWeights extends WeightFile {
  /** The tensors of floating-point type, as float32. */
  floats(): WeightTensor[];
}

/**
 * Reads a safetensors file, or a `.pth` of `torch.save` in either of its formats.
 *
 * @throws PixelwiseError naming the file, if it is missing, damaged or of another kind.
 */
export async function readWeights(path: string): Promise<ReadableWeights> {
  const file = await decodeFile(path);
  return { ...file, floats: () => floatTensors(file) };
}

async function decodeFile(path: string): Promise<WeightFile> {
  const bytes = await readBytes(path);
  if (startsWith(bytes, ZIP_SIGNATURE) || startsWith(bytes, LEGACY_SIGNATURE)) return decodePth(bytes, path);
  // A safetensors file has its header's length in eight bytes, then the header, a JSON object.
  if (bytes[8] === 0x7b) return decodeSafetensors(bytes, path);
  throw new PixelwiseError(
    'weights',
    `${path} holds no weights that can be read: it is neither safetensors nor a .pth file of torch.save.`,
  );
}

async function readBytes(path: string): Promise<Uint8Array> {
  let file;
  try {
    file = await open(path, 'r');
    const stats = await file.stat();
    if (!stats.isFile()) throw new PixelwiseError('weights', `${path} is no file; name a weight file.`);
    if (stats.size > MAX_FILE_BYTES) {
      throw new PixelwiseError(
        'weights',
        `${path} has ${stats.size} bytes; weight files may have ${MAX_FILE_BYTES}.`,
      );
    }
    return await file.readFile();
  } catch (cause) {
    if (cause instanceof PixelwiseError) throw cause;
    throw new PixelwiseError('weights', `${path} could not be read (${(cause as Error).message}).`, {
      cause,
    });
  } finally {
    await file?.close();
  }
}
