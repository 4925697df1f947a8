/**
 * Changes of labels that can be made again: each sets pixels to fixed values, whatever they were before. So a mask is
 * the same whether a change was made to it once or, after a crash, twice in the same order.
 */
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import * as z from 'zod';
import type { LabelPlane, PixelBox } from '../labels/drawing.js';
import { drawStroke } from '../labels/drawing.js';
import { HttpError } from '../serve/http-error.js';

const inflateAsync = promisify(inflate);

const coordinate = z.number().min(-1e6).max(1e6);
const whole = z.number().int().nonnegative().max(1e6);
const value = z.number().int().min(0).max(255);

/** The most points of a stroke, and the most tiles of a change. */
const MOST_POINTS = 100_000;
const MOST_TILES = 20_000;

/** A brush stroke: `class` is an index, or 255 to erase. */
export const strokeSchema = z.object({
  class: value,
  radius: z.number().min(0).max(2048),
  points: z
    .array(z.tuple([coordinate, coordinate]))
    .min(1)
    .max(MOST_POINTS),
});

/** Rectangles of labels as they are afterwards: fills, undo and redo. `data` is deflated (zlib) and in base64. */
export const tilesSchema = z.object({
  tiles: z
    .array(
      z.object({
        x: whole,
        y: whole,
        width: whole.min(1).max(4096),
        height: whole.min(1).max(4096),
        data: z.string(),
      }),
    )
    .min(1)
    .max(MOST_TILES),
});

export type LabelChange = z.infer<typeof strokeSchema> | z.infer<typeof tilesSchema>;

/** A tile whose data is unpacked. */
interface Tile extends LabelPlane {
  readonly x: number;
  readonly y: number;
}

/** A change that is ready to be made at once. */
export type PreparedChange = (plane: LabelPlane) => PixelBox | undefined;

/**
 * Unpacks and checks a change.
 *
 * @param classes their number. @throws HttpError 422 for a class that does not exist, or tiles that do not fit.
 */
export async function prepareChange(
  change: LabelChange,
  { width, height }: Pick<LabelPlane, 'width' | 'height'>,
  classes: number,
): Promise<PreparedChange> {
  if (!('tiles' in change)) {
    checkClass(change.class, classes);
    return (plane) => drawStroke(plane, change);
  }
  const tiles = await Promise.all(
    change.tiles.map(async (tile): Promise<Tile> => {
      const size = tile.width * tile.height;
      if (tile.x + tile.width > width || tile.y + tile.height > height) {
        throw new HttpError(422, 'tile', `A tile at ${tile.x},${tile.y} is not inside ${width}×${height}.`);
      }
      const packed = Buffer.from(tile.data, 'base64');
      const data = await inflateAsync(packed, { maxOutputLength: size }).catch(() => undefined);
      if (data?.length !== size) {
        throw new HttpError(422, 'tile', `The tile at ${tile.x},${tile.y} does not hold ${size} values.`);
      }
      for (const label of new Set(data)) checkClass(label, classes);
      return { ...tile, data };
    }),
  );
  return (plane) => tiles.map((tile) => putTile(plane, tile)).reduce(around);
}

function putTile(plane: LabelPlane, { x, y, width, height, data }: Tile): PixelBox {
  for (let row = 0; row < height; row++) {
    plane.data.set(data.subarray(row * width, (row + 1) * width), (y + row) * plane.width + x);
  }
  return { x0: x, y0: y, x1: x + width - 1, y1: y + height - 1 };
}

function around(a: PixelBox, b: PixelBox): PixelBox {
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}

function checkClass(label: number, classes: number): void {
  if (label < classes || label === 255) return;
  throw new HttpError(
    422,
    'class',
    `There is no class ${label}: the project has ${classes}, from 0; 255 removes labels.`,
  );
}
