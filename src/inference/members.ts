/** The models that a path stands for: one, or those of all folds of a cross-validation. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { PixelwiseError } from '../errors/index.js';
import { isFile, isFolder } from '../files/index.js';

/** In the folder of a cross-validation: the paths of its runs, relative to the folder, and their scores. */
export const FOLDS_FILE = 'folds.json';

const foldsSchema = z.looseObject({ folds: z.array(z.looseObject({ folder: z.string() })).min(1) });

/**
 * The run folders and model files that `sources` name; the folder of a cross-validation stands for its runs.
 *
 * @throws PixelwiseError `run` if a folds.json is damaged.
 */
export async function membersOf(sources: string | readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const source of typeof sources === 'string' ? [sources] : sources) {
    const path = join(source, FOLDS_FILE);
    if (!(await isFile(path))) {
      paths.push(source);
      continue;
    }
    const read = foldsSchema.safeParse(parsed(await readFile(path, 'utf8')));
    if (!read.success)
      throw new PixelwiseError('run', `${path} is damaged: ${read.error.issues[0]!.message}`);
    paths.push(...read.data.folds.map(({ folder }) => resolve(source, folder)));
  }
  return paths;
}

/** Whether a path is that of a model, not of an image or a folder of images. */
export async function isModel(path: string): Promise<boolean> {
  if (/\.onnx$/i.test(path)) return isFile(path);
  return (
    (await isFolder(path)) &&
    ((await isFile(join(path, 'config.json'))) || (await isFile(join(path, FOLDS_FILE))))
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
