/** Weight files of every known format. Their first bytes tell the format, not their names. */
import { open } from 'node:fs/promises';
import { PixelwiseError } from '../errors/index.js';
import { writeFileAtomic } from '../files/index.js';
import { externalDataBeside } from './onnx-external.js';
import { decodePth, LEGACY_SIGNATURE, startsWith, ZIP_SIGNATURE } from './pth.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';
import { type DataType, decodeModel } from '../onnx/index.js';
import {
  type ElementType,
  floatTensors,
  type RawTensor,
  type WeightFile,
  type WeightTensor,
} from './tensor.js';

/** The most that one buffer holds on every platform, and more than any segmentation model needs. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** A weight file and its values; `model.loadStateDict` accepts it as it is. */
export interface ReadableWeights extends WeightFile {
  /** The tensors of floating-point type, as float32. */
  floats(): WeightTensor[];
}

/**
 * Reads a safetensors file, the constants of an ONNX file, or a `.pth` file that `torch.save` wrote, in its current or
 * its older format. The code in a `.pth` file is not run.
 *
 * ```ts
 * model.loadStateDict(await readWeights('unet.pth'));
 * ```
 *
 * @throws PixelwiseError `weights` naming the file, if it is missing, damaged or of another format.
 */
export async function readWeights(path: string): Promise<ReadableWeights> {
  const file = await decodeFile(path);
  return { ...file, floats: () => floatTensors(file) };
}

/**
 * Writes tensors to a safetensors file, atomically. The folder must exist.
 *
 * ```ts
 * await writeWeights('unet.safetensors', model.stateDict());
 * ```
 *
 * @param metadata text that is stored with the tensors.
 * @throws PixelwiseError if two tensors have one name, data do not fit a shape, or the file cannot be written.
 */
export async function writeWeights(
  path: string,
  tensors: readonly WeightTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

async function decodeFile(path: string): Promise<WeightFile> {
  const bytes = await readBytes(path);
  if (startsWith(bytes, ZIP_SIGNATURE) || startsWith(bytes, LEGACY_SIGNATURE)) return decodePth(bytes, path);
  // A safetensors file starts with its header's length in eight bytes, then the header, a JSON object.
  if (bytes[8] === 0x7b) return decodeSafetensors(bytes, path);
  if (path.toLowerCase().endsWith('.onnx')) return constantsOf(bytes, path);
  throw new PixelwiseError(
    'weights',
    `${path} is neither a safetensors file, an ONNX file nor a .pth file written by torch.save.`,
  );
}

const ONNX_FLOATS: Readonly<Partial<Record<DataType, ElementType>>> = {
  float32: 'F32',
  float16: 'F16',
  float64: 'F64',
};

/** The floating-point constants of an ONNX file, and its metadata. */
function constantsOf(bytes: Uint8Array, source: string): WeightFile {
  const { graph, metadata } = decodeModel(bytes, source, externalDataBeside(source));
  const tensors = graph.initializers.flatMap(({ name, dataType, dims, data }): RawTensor[] => {
    const elementType = ONNX_FLOATS[dataType];
    return elementType === undefined ? [] : [{ name, elementType, shape: dims, bytes: data }];
  });
  return { source, metadata, tensors };
}

async function readBytes(path: string): Promise<Uint8Array> {
  let file;
  try {
    file = await open(path, 'r');
    const stats = await file.stat();
    if (!stats.isFile()) throw new PixelwiseError('weights', `${path} is not a file; name a weight file.`);
    if (stats.size > MAX_FILE_BYTES) {
      throw new PixelwiseError(
        'weights',
        `${path} has ${stats.size} bytes; the limit for weight files is ${MAX_FILE_BYTES}.`,
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
