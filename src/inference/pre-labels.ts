/**
 * Writes predictions as pre-labels for annotation tools. Each connected component becomes a polygon along pixel
 * edges, so that filling the polygons reproduces the mask. Because most tools do not support holes, a hole is
 * connected to its outline by a cut of zero width.
 */
import { basename, join } from 'node:path';
import { decodeMask } from '../images/decode-mask.js';
import { backgroundClass } from '../images/palette.js';
import type { ClassMask } from '../images/raster.js';
import type { MaskClasses } from '../labels/label-set.js';
import { WrittenFiles, writeOutputFile } from '../files/index.js';
import { type Corner, maskToGeoJson, maskToPolygons, type Ring } from './outlines.js';

/** The supported formats of annotation tools. */
export const ANNOTATION_FORMATS = ['labelme', 'cvat', 'coco', 'yolo', 'geojson'] as const;

export type AnnotationFormat = (typeof ANNOTATION_FORMATS)[number];

/** A predicted image. */
export interface PreLabelled {
  readonly fileName: string;
  readonly mask: ClassMask;
}

/** A text file to write; its path is relative to the output folder. */
export interface AnnotationFile {
  readonly path: string;
  readonly text: string;
}

/** A component as one closed polygon: x0, y0, x1, y1 … */
interface Region {
  readonly value: number;
  readonly area: number;
  readonly points: readonly number[];
}

/**
 * Collects predicted images and formats their annotation files: one per image, or a single one (CVAT, COCO). Class
 * names are those of the model; its background is not annotated.
 */
export class PreLabels {
  private readonly background: number | null;
  private readonly collected: string[] = [];
  private readonly coco = { images: [] as object[], annotations: [] as object[] };

  constructor(
    private readonly format: AnnotationFormat,
    private readonly classes: readonly string[],
    private readonly multiLabel = false,
  ) {
    this.background = multiLabel ? null : backgroundClass(classes);
  }

  /** Adds an image. Returns its file if the format has one per image. */
  add({ fileName, mask }: PreLabelled): AnnotationFile | undefined {
    const name = basename(fileName);
    const stem = name.replace(/\.[^.]+$/, '');
    const { width, height } = mask;
    const regions = this.format === 'geojson' ? [] : this.regionsOf(mask);
    switch (this.format) {
      case 'geojson': {
        const features = maskToGeoJson(mask, this.classes, { multiLabel: this.multiLabel });
        return { path: `${stem}.geojson`, text: JSON.stringify(features) };
      }
      case 'labelme':
        return { path: `${stem}.json`, text: this.labelme(name, mask, regions) };
      case 'yolo':
        return { path: `labels/${stem}.txt`, text: this.yolo(mask, regions) };
      case 'cvat':
        this.collected.push(this.cvatImage(name, width, height, regions));
        return undefined;
      case 'coco': {
        const { images, annotations } = this.coco;
        const image = images.length + 1;
        images.push({ id: image, file_name: name, width, height });
        for (const { value, area, points } of regions) {
          annotations.push({
            id: annotations.length + 1,
            image_id: image,
            category_id: value,
            segmentation: [points],
            area,
            bbox: boxOf(points),
            iscrowd: 0,
          });
        }
        return undefined;
      }
    }
  }

  /** Returns the files to write after the last image. */
  finish(): AnnotationFile[] {
    switch (this.format) {
      case 'coco': {
        const categories = this.labels().map(([id, name]) => ({ id, name, supercategory: '' }));
        return [
          { path: 'annotations/instances_default.json', text: JSON.stringify({ ...this.coco, categories }) },
        ];
      }
      case 'cvat':
        return [{ path: 'annotations.xml', text: this.cvatFile() }];
      case 'yolo': {
        const names = this.labels().map(([, name], i) => `  ${i}: ${JSON.stringify(name)}\n`);
        return [
          { path: 'data.yaml', text: `path: .\ntrain: images\nval: images\nnames:\n${names.join('')}` },
        ];
      }
      default:
        return [];
    }
  }

  private regionsOf(mask: ClassMask): Region[] {
    const { background, multiLabel } = this;
    return maskToPolygons(mask, { background, multiLabel }).map(
      ({ value, area, rings: [outline, ...holes] }) => ({
        value,
        area,
        points: joined(outline!, holes).flat(),
      }),
    );
  }

  /** The annotated classes: index and name. */
  private labels(): [index: number, name: string][] {
    return this.classes.map((name, i): [number, string] => [i, name]).filter(([i]) => i !== this.background);
  }

  private nameOf(value: number): string {
    return this.classes[value] ?? `class ${value}`;
  }

  private labelme(imagePath: string, { width, height }: ClassMask, regions: readonly Region[]): string {
    const shapes = regions.map(({ value, points }) => ({
      label: this.nameOf(value),
      points: pairsOf(points),
      group_id: null,
      description: '',
      shape_type: 'polygon',
      flags: {},
    }));
    const file = {
      version: '5.5.0',
      flags: {},
      shapes,
      imagePath,
      imageData: null,
      imageHeight: height,
      imageWidth: width,
    };
    return JSON.stringify(file);
  }

  private yolo({ width, height }: ClassMask, regions: readonly Region[]): string {
    const indices = new Map(this.labels().map(([value], i) => [value, i]));
    const lines = regions.map(({ value, points }) => {
      const shares = points.map((at, i) => Number((at / (i % 2 === 0 ? width : height)).toFixed(9)));
      return `${indices.get(value)!} ${shares.join(' ')}\n`;
    });
    return lines.join('');
  }

  private cvatImage(name: string, width: number, height: number, regions: readonly Region[]): string {
    const polygons = regions.map(({ value, points }) => {
      const list = pairsOf(points)
        .map(([x, y]) => `${x},${y}`)
        .join(';');
      return `    <polygon label="${xml(this.nameOf(value))}" source="auto" occluded="0" points="${list}" z_order="0"></polygon>\n`;
    });
    const id = this.collected.length;
    return `  <image id="${id}" name="${xml(name)}" width="${width}" height="${height}">\n${polygons.join('')}  </image>\n`;
  }

  private cvatFile(): string {
    const labels = this.labels().map(
      ([, name]) => `<label><name>${xml(name)}</name><attributes></attributes></label>`,
    );
    return (
      '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n' +
      `  <meta><task><size>${this.collected.length}</size><labels>${labels.join('')}</labels></task></meta>\n` +
      `${this.collected.join('')}</annotations>\n`
    );
  }
}

/** Reads the masks written by `predictFiles` and writes their annotations into a folder. */
export async function writePreLabels(
  format: AnnotationFormat,
  { classes, multiLabel }: MaskClasses,
  outputs: readonly { readonly input: string; readonly mask: string }[],
  folder: string,
): Promise<void> {
  const labels = new PreLabels(format, classes, multiLabel);
  const written = new WrittenFiles(folder);
  const write = async ({ path, text }: AnnotationFile): Promise<void> => {
    const file = join(folder, path);
    await written.refuseOthers([file]);
    await writeOutputFile(file, text);
    await written.record([file]);
  };
  for (const { input, mask } of outputs) {
    const { width, height, data } = await decodeMask(mask);
    const file = labels.add({ fileName: input, mask: { width, height, data: Uint8Array.from(data) } });
    if (file !== undefined) await write(file);
  }
  for (const file of labels.finish()) await write(file);
}

/** Connects each hole to the outline: from a corner of the outline to the hole, around it, and back. */
function joined(outline: Ring, holes: readonly Ring[]): Corner[] {
  const line = [...outline];
  for (const hole of holes) {
    const start = line[0]!;
    line.push(start, ...hole, hole[0]!);
  }
  return line;
}

const pairsOf = (points: readonly number[]): [number, number][] =>
  Array.from({ length: points.length / 2 }, (_, i) => [points[2 * i]!, points[2 * i + 1]!]);

function boxOf(points: readonly number[]): [x: number, y: number, width: number, height: number] {
  const [xs, ys] = [points.filter((_, i) => i % 2 === 0), points.filter((_, i) => i % 2 === 1)];
  const least = (list: readonly number[]): number => list.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (list: readonly number[]): number => list.reduce((a, b) => Math.max(a, b), -Infinity);
  return [least(xs), least(ys), most(xs) - least(xs), most(ys) - least(ys)];
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const xml = (text: string): string => text.replace(/[&<>"]/g, (sign) => ESCAPES[sign]!);
