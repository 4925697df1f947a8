/**
 * Constants whose values stay in a file: a runtime reads them from there itself, so that the process holds them once. Who
 * asks for their values reads them again.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { PixelwiseError } from '../errors/index.js';
import type { OnnxTensor } from '../onnx/index.js';

/** Smaller constants are kept in memory: shapes and axes, which a runtime wants to know before it runs. */
const LEAST_BYTES = 4096;

/**
 * The constants with the large ones left in the file. Their data are dropped from memory.
 *
 * @param path of the file. @param bytes its content: constants with data elsewhere are returned as they are.
 */
export function leftInFile(constants: readonly OnnxTensor[], path: string, bytes: Uint8Array): OnnxTensor[] {
  // A runtime reads no file outside of a folder, and a link may lead out of it.
  const file = realpathSync(path);
  const written = statSync(file).mtimeMs;
  return constants.map((constant) => {
    const { name, dataType, dims, data } = constant;
    if (data.buffer !== bytes.buffer || data.length < LEAST_BYTES) return constant;
    const place = { path: file, offset: data.byteOffset - bytes.byteOffset, length: data.length };
    return {
      name,
      dataType,
      dims,
      place,
      get data() {
        return readPlace(place, written);
      },
    };
  });
}

function readPlace({ path, offset, length }: NonNullable<OnnxTensor['place']>, written: number): Uint8Array {
  let handle: number | undefined;
  try {
    handle = openSync(path, 'r');
    const data = new Uint8Array(length);
    if (fstatSync(handle).mtimeMs !== written || readSync(handle, data, 0, length, offset) !== length)
      throw new Error('it was written anew');
    return data;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PixelwiseError('model-file', `${path} changed while its model was in use: ${why}.`, { cause });
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
