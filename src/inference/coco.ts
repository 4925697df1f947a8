/**
 * Masks in COCO's format (Lin et al. 2014): a run-length encoding per class, in a JSON file that the COCO API and
 * this project's own reader can open.
 */
import { compressCounts } from '../data/formats/rle.js';
import { backgroundClass } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import { IGNORE_INDEX } from '../images/raster.js';
import { classesInSets, planeOf } from '../labels/label-set.js';
import type { ValueMask } from '../objects/index.js';

/** The run-length encoding of one class. */
export interface ClassRuns {
  /** Class index. */
  readonly value: number;
  /** Run lengths in column-major order, alternately outside and inside the class; the first run is outside. */
  readonly counts: readonly number[];
  /** Number of pixels. */
  readonly area: number;
  /** The bounding box. */
  readonly box: readonly [x: number, y: number, width: number, height: number];
}

/**
 * Encodes every class in a mask, in ascending order. Ignored pixels belong to no class.
 *
 * @param options `multiLabel`: whether the mask holds sets of overlapping classes.
 */
export function maskToRuns(
  { width, height, data }: ValueMask,
  { multiLabel }: { readonly multiLabel?: boolean | undefined } = {},
): ClassRuns[] {
  if (multiLabel === true) {
    const sets = Uint8Array.from(data);
    return classesInSets(sets).flatMap((k) =>
      maskToRuns({ width, height, data: planeOf(sets, k) })
        .filter(({ value }) => value === 1)
        .map((runs) => ({ ...runs, value: k })),
    );
  }
  const runs = new Map<number, OpenRuns>();
  const size = width * height;
  let begin = 0;
  for (let x = 0, at = 0; x < width; x++) {
    for (let y = 0; y < height; y++, at++) {
      const value = data[y * width + x]!;
      const last = at === size - 1;
      const next = last ? -1 : y === height - 1 ? data[x + 1]! : data[(y + 1) * width + x]!;
      if (next === value) continue;
      if (value !== IGNORE_INDEX) {
        let known = runs.get(value);
        if (!known) runs.set(value, (known = new OpenRuns(height)));
        known.add(begin, at + 1);
      }
      begin = at + 1;
    }
  }
  return [...runs].sort(([a], [b]) => a - b).map(([value, open]) => ({ value, ...open.close(size) }));
}

class OpenRuns {
  private readonly counts: number[] = [];
  private end = 0;
  private area = 0;
  private left = Infinity;
  private right = 0;
  private top = Infinity;
  private bottom = 0;

  constructor(private readonly height: number) {}

  /** Adds the pixels from `begin` to `end` (exclusive), counted in column-major order. */
  add(begin: number, end: number): void {
    this.counts.push(begin - this.end, end - begin);
    this.end = end;
    this.area += end - begin;
    const [firstColumn, lastColumn] = [begin, end - 1].map((at) => Math.floor(at / this.height)) as [
      number,
      number,
    ];
    this.left = Math.min(this.left, firstColumn);
    this.right = Math.max(this.right, lastColumn + 1);
    const spans = firstColumn !== lastColumn;
    this.top = Math.min(this.top, spans ? 0 : begin % this.height);
    this.bottom = Math.max(this.bottom, spans ? this.height : ((end - 1) % this.height) + 1);
  }

  close(size: number): Omit<ClassRuns, 'value'> {
    const { counts, area, left, right, top, bottom } = this;
    return {
      counts: this.end < size ? [...counts, size - this.end] : counts,
      area,
      box: [left, top, right - left, bottom - top],
    };
  }
}

/** COCO's JSON for one image. To merge several, renumber the image and annotation ids. */
export interface CocoAnnotations {
  readonly images: readonly [
    { readonly id: number; readonly file_name: string; readonly width: number; readonly height: number },
  ];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
  readonly annotations: readonly {
    readonly id: number;
    readonly image_id: number;
    readonly category_id: number;
    readonly segmentation: {
      readonly size: readonly [height: number, width: number];
      readonly counts: string;
    };
    readonly area: number;
    readonly bbox: readonly [x: number, y: number, width: number, height: number];
    /** 1 marks run lengths; such an annotation may cover several objects. */
    readonly iscrowd: 1;
  }[];
}

/**
 * Converts a mask to COCO annotations, one for each class except the background. Category ids are class indices.
 *
 * @param classes class names by index. @param fileName file name of the image. @param options `imageId`: default 1;
 *   `multiLabel`: whether the mask holds sets of overlapping classes.
 */
export function maskToCoco(
  mask: ClassMask,
  classes: readonly string[],
  fileName: string,
  { imageId = 1, multiLabel }: { readonly imageId?: number; readonly multiLabel?: boolean | undefined } = {},
): CocoAnnotations {
  const { width, height } = mask;
  const background = multiLabel === true ? null : backgroundClass(classes);
  const runs = maskToRuns(mask, { multiLabel }).filter(({ value }) => value !== background);
  return {
    images: [{ id: imageId, file_name: fileName, width, height }],
    categories: classes.map((name, id) => ({ id, name })).filter(({ id }) => id !== background),
    annotations: runs.map(({ value, counts, area, box }, i) => ({
      id: i + 1,
      image_id: imageId,
      category_id: value,
      segmentation: { size: [height, width], counts: compressCounts(counts) },
      area,
      bbox: box,
      iscrowd: 1,
    })),
  };
}
