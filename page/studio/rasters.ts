/** The messages between the page and its raster workers, which decode, scale and encode pixels. */
import { WorkerClient } from '../worker-client.js';
import type { LabelTiles } from './label-plane.js';

export interface OpenedImage {
  readonly width: number;
  readonly height: number;
}

export interface Plane {
  readonly width: number;
  readonly height: number;
  /** A byte for each pixel. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A PNG of labels, cut into tiles. */
export interface DecodedLabels extends LabelTiles {
  readonly width: number;
  readonly height: number;
}

export type RasterQuestion =
  /** Opens an image and keeps it until the next. */
  | { readonly kind: 'open'; readonly file: Blob }
  /** A square part of the open image, reduced by 2^level. Undefined if it is outside. */
  | { readonly kind: 'tile'; readonly level: number; readonly column: number; readonly row: number }
  | { readonly kind: 'labels'; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'plane'; readonly png: Uint8Array<ArrayBuffer> }
  /** Labels as an indexed PNG. */
  | {
      readonly kind: 'encode';
      readonly width: number;
      readonly height: number;
      readonly tiles: readonly (readonly [number: number, tile: Uint8Array])[];
      readonly palette: readonly (readonly number[])[];
    };

export interface RasterAnswers {
  readonly open: OpenedImage;
  readonly tile: ImageBitmap | undefined;
  readonly labels: DecodedLabels;
  readonly plane: Plane;
  readonly encode: Blob;
}

/** Side of an image's tiles in pixels, at every level. */
export const IMAGE_TILE = 512;

export class RasterClient extends WorkerClient<RasterQuestion, RasterAnswers> {
  constructor(name: string) {
    super(new Worker(new URL('./raster-worker.ts', import.meta.url), { type: 'module', name }));
  }
}
