/** Writes the drawn cells as a data set in format `folder`: `images/`, `masks/`, `classes.txt`. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PixelwiseError } from '../errors/index.js';
import { writeImage, writeMask } from '../images/encode.js';
import { writeLabels } from '../images/encode-labels.js';
import { objectsOfCodes } from '../objects/index.js';
import { WrittenFiles, writeOutputFile } from '../files/index.js';
import { CELL_CLASSES, drawCells, type DrawCellsOptions } from './demo-cells.js';

export interface WriteCellsOptions extends DrawCellsOptions {
  /** Stops between two pictures; `writeCells` then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Masks of classes, or label images of 16 bits, in which each cell has its number. Default `classes`. */
  readonly truth?: 'classes' | 'objects';
}

/**
 * Writes `count` pictures as `images/0000.png` … with palette PNGs of class indices of the same names in
 * `masks/`. Run again it replaces them, unless they were changed since.
 *
 * @throws PixelwiseError `folder-in-use` if the folder contains other files, which would become part of the data set;
 *   `file-in-use` if a file of other origin would be replaced.
 */
export async function writeCells(folder: string, options: WriteCellsOptions): Promise<void> {
  const digits = Math.max(4, String(options.count - 1).length);
  const files = Array.from({ length: options.count }, (_, i) => `${String(i).padStart(digits, '0')}.png`);
  for (const part of ['images', 'masks']) await refuseOthers(join(folder, part), new Set(files));
  const written = new WrittenFiles(folder);
  const classes = join(folder, 'classes.txt');
  const paths = files.flatMap((name) => [join(folder, 'images', name), join(folder, 'masks', name)]);
  await written.refuseOthers([...paths, classes]);
  let i = 0;
  const byObject = options.truth === 'objects';
  for (const { image, mask, objects } of drawCells(options)) {
    options.signal?.throwIfAborted();
    const pair = paths.slice(2 * i, 2 * i + 2) as [string, string];
    await Promise.all([
      writeImage(pair[0], image),
      byObject ? writeLabels(pair[1], objectsOfCodes(objects)) : writeMask(pair[1], mask),
    ]);
    await written.record(pair);
    i++;
  }
  const names = byObject ? ['background', 'cell'] : CELL_CLASSES;
  await writeOutputFile(classes, `${names.join('\n')}\n`);
  await written.record([classes]);
}

async function refuseOthers(folder: string, names: ReadonlySet<string>): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const other = entries.find((entry) => !names.has(entry));
  if (other !== undefined) {
    throw new PixelwiseError(
      'folder-in-use',
      `${join(folder, other)} is not one of the pictures to be drawn. Name an empty or new folder, or remove it.`,
    );
  }
}
