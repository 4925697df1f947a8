/**
 * Measurements as tables: a row for each object, and a row for each image. Columns have the names of scikit-image's
 * `regionprops_table`, with `-0`, `-1` … for the parts of a value.
 */
import { UsageError } from '../errors/index.js';
import type { ObjectMeasurements } from './measure.js';

export type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

/** The side of a pixel. */
export interface PixelSize {
  readonly size: number;
  readonly unit: string;
}

const IN_PIXELS: PixelSize = { size: 1, unit: 'px' };

/** Parses `0.5um`, `2 mm`. `µ` and `u` are the same. @throws UsageError for anything else. */
export function parsePixelSize(text: string): PixelSize {
  const [, number, unit] = /^\s*([0-9.]+(?:e[-+]?\d+)?)\s*(\p{L}+)\s*$/iu.exec(text) ?? [];
  const size = Number(number);
  if (unit === undefined || !(size > 0)) {
    throw new UsageError(
      `The pixel size "${text}" is not a length with its unit: write the side of a pixel as 0.5um.`,
    );
  }
  return { size, unit: unit.replace(/[µμ]/gu, 'u') };
}

/** An object with its class. */
export interface MeasuredObject extends ObjectMeasurements {
  readonly className: string;
}

/**
 * A row for each object. Lengths and areas are in the unit of the pixel size, which the column `unit` names; positions
 * (`centroid`, `bbox`) are in pixels, so that they can be found in the image.
 */
export function objectRows(
  image: string,
  objects: readonly MeasuredObject[],
  { size, unit }: PixelSize = IN_PIXELS,
): Row[] {
  return objects.map((object) => {
    const { intensity, meanProbability } = object;
    const suffix = (c: number): string => (intensity.length === 1 ? '' : `-${c}`);
    return {
      image,
      label: object.label,
      class: object.className,
      area: object.area * size * size,
      perimeter: object.perimeter * size,
      'centroid-0': object.centroid[0],
      'centroid-1': object.centroid[1],
      'bbox-0': object.bbox[0],
      'bbox-1': object.bbox[1],
      'bbox-2': object.bbox[2],
      'bbox-3': object.bbox[3],
      axis_major_length: object.axisMajorLength * size,
      axis_minor_length: object.axisMinorLength * size,
      orientation: object.orientation,
      eccentricity: object.eccentricity,
      solidity: object.solidity,
      extent: object.extent,
      equivalent_diameter_area: object.equivalentDiameterArea * size,
      euler_number: object.eulerNumber,
      ...Object.fromEntries(
        intensity.flatMap(({ mean, min, max, total }, c) => [
          [`intensity_mean${suffix(c)}`, mean],
          [`intensity_min${suffix(c)}`, min],
          [`intensity_max${suffix(c)}`, max],
          [`intensity_total${suffix(c)}`, total],
        ]),
      ),
      ...(meanProbability !== undefined && { probability_mean: meanProbability }),
      touches_border: object.touchesBorder,
      unit,
    };
  });
}

/**
 * The row of an image: the number of its objects, their area, its share of the image, the number of objects on an area
 * of 1 (of the unit, squared), and number and area of each class.
 *
 * @param classNames the classes of objects, in the order of their columns.
 */
export function imageRow(
  image: { readonly name: string; readonly width: number; readonly height: number },
  objects: readonly MeasuredObject[],
  classNames: readonly string[],
  { size, unit }: PixelSize = IN_PIXELS,
): Row {
  const whole = image.width * image.height;
  const areaOf = (some: readonly MeasuredObject[]): number => some.reduce((sum, { area }) => sum + area, 0);
  const area = areaOf(objects);
  const channels = objects[0]?.intensity.length ?? 0;
  const total = (c: number): number => objects.reduce((sum, { intensity }) => sum + intensity[c]!.total, 0);
  return {
    image: image.name,
    width: image.width,
    height: image.height,
    count: objects.length,
    area: area * size * size,
    area_fraction: area / whole,
    density: objects.length / (whole * size * size),
    area_mean: objects.length === 0 ? null : (area / objects.length) * size * size,
    ...Object.fromEntries(
      Array.from({ length: channels }, (_, c) => [
        channels === 1 ? 'intensity_total' : `intensity_total-${c}`,
        total(c),
      ]),
    ),
    ...Object.fromEntries(
      classNames.flatMap((name) => {
        const own = objects.filter(({ className }) => className === name);
        return [
          [`count ${name}`, own.length],
          [`area ${name}`, areaOf(own) * size * size],
        ];
      }),
    ),
    unit,
  };
}

/** Rows as CSV (RFC 4180, but with line feeds). Columns are those of all rows, in the order in which they first occur. */
export function toCsv(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => csvCell(row[column] ?? null)).join(','));
  return `${[columns.map(csvCell).join(','), ...lines].join('\n')}\n`;
}

function csvCell(value: Cell): string {
  if (value === null) return '';
  const text = String(value);
  // A spreadsheet takes text that starts like this for a formula.
  const safe = typeof value === 'string' && /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
