/** The objects of an image as files: a label image, a table, outlines as GeoJSON or COCO instances. */
import { basename } from 'node:path';
import { writeOutputFile } from '../files/index.js';
import { MOST_IN_16_BITS, writeLabels } from '../images/encode-labels.js';
import type { Raster } from '../images/raster.js';
import { type ObjectMap, objectRows, type PixelSize, toCsv } from '../objects/index.js';
import { measureSegmented, objectsToCoco, objectsToGeoJson } from './object-outlines.js';
import type { SegmentedObjects } from './segmentation.js';

/** Writes a label image and, beside it, a table of the objects. @param path ends with `.png` or `.tif`. */
export async function writeObjects(
  path: string,
  table: string,
  objects: SegmentedObjects,
  names: readonly string[],
  image: Raster | undefined,
  pixelSize?: PixelSize,
): Promise<void> {
  const rows = objectRows(basename(path), measureSegmented(objects, names, image), pixelSize);
  await writeOutputFile(table, toCsv(rows));
  await writeLabels(path, objects, pixelSize);
}

/** Whether a label image has to be a TIFF. */
export const needsTiff = ({ classes }: ObjectMap): boolean => classes.length > MOST_IN_16_BITS;

/** The outlines of objects in the format given by the path's extension. */
export function objectOutlines(
  path: string,
  objects: SegmentedObjects,
  names: readonly string[],
  fileName: string,
  image?: Raster,
): object {
  return path.endsWith('.geojson')
    ? objectsToGeoJson(objects, names, fileName, image)
    : objectsToCoco(objects, names, fileName);
}
