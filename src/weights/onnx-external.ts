/** ONNX files that keep the data of their constants in other files, as exporters do beyond two gigabytes. */
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { decodeModel, encodeModel, type ExternalReader } from '../onnx/index.js';

/**
 * Reads the data of an ONNX file's constants from files in its folder or below.
 *
 * @param path of the ONNX file.
 * @returns a reader that throws PixelwiseError `model-file` for data that are missing or outside the folder.
 */
export function externalDataBeside(path: string): ExternalReader {
  return (name, { location, offset, length }) => {
    const fail = (problem: string, cause?: unknown): never => {
      throw new PixelwiseError(
        'model-file',
        `${path} keeps the data of tensor "${name}" in another file, "${location}", ${problem}.`,
        { cause },
      );
    };
    const folder = realpathSync(dirname(path));
    let file: string;
    try {
      file = realpathSync(join(folder, location));
    } catch (cause) {
      return fail('which is missing. Copy it into the folder of the model', cause);
    }
    // A model is a stranger's: it must not read other files of this machine.
    if (!file.startsWith(folder + sep)) fail('which is outside the folder of the model');
    const stats = statSync(file);
    if (!stats.isFile()) fail('which is not a file');
    const size = length === 0 ? stats.size - offset : length;
    if (!(offset >= 0 && size >= 0 && offset + size <= stats.size)) {
      fail(`which has ${stats.size} bytes, too few for ${size} from byte ${offset}`);
    }
    const data = new Uint8Array(size);
    const handle = openSync(file, 'r');
    try {
      for (let at = 0; at < size;) {
        const read = readSync(handle, data, at, size - at, offset + at);
        if (read === 0) fail('which ended while it was read');
        at += read;
      }
    } finally {
      closeSync(handle);
    }
    return data;
  };
}

/**
 * An ONNX file with all its data, to be copied elsewhere.
 *
 * @returns `bytes` themselves if no constant is in another file.
 * @throws PixelwiseError `model-file` as `externalDataBeside` does, and for bytes that are no ONNX model.
 */
export function inOneFile(bytes: Uint8Array, path: string): Uint8Array {
  const read = externalDataBeside(path);
  let parted = false;
  const model = decodeModel(bytes, path, (name, place) => {
    parted = true;
    return read(name, place);
  });
  return parted ? encodeModel(model) : bytes;
}
