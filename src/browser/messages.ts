/** Messages between a page and its worker. Each request has an id, and its replies carry the same id. */
import type { PixelValues } from '../images/raster.js';
import type { ModelCard } from '../inference/model-card.js';
import type { Segmentation, SegmentOptions } from '../inference/segmentation.js';
import type { ChosenDevice, DeviceChoice } from './device.js';

/** An image as it is sent to the worker: only values that can be cloned or transferred. */
export type SentImage =
  | { readonly kind: 'file'; readonly blob: Blob }
  | { readonly kind: 'bitmap'; readonly bitmap: ImageBitmap }
  | {
      readonly kind: 'rgba';
      readonly width: number;
      readonly height: number;
      readonly data: Uint8ClampedArray;
    }
  | {
      readonly kind: 'raster';
      readonly width: number;
      readonly height: number;
      readonly channels: number;
      readonly data: PixelValues;
    };

export interface LoadRequest {
  readonly kind: 'load';
  /** An absolute URL, or the file itself. */
  readonly model: string | Uint8Array | Blob;
  /** Name of the model in error messages; default: its URL. */
  readonly name: string | undefined;
  readonly device: DeviceChoice;
  readonly threads: number | undefined;
  /** URL of the folder that contains `ort/`; undefined if `ort/` is beside the worker. */
  readonly assets: string | undefined;
}

export interface SegmentRequest {
  readonly kind: 'segment';
  readonly image: SentImage;
  readonly options: Omit<SegmentOptions, 'signal'>;
}

export type WorkerRequest = LoadRequest | SegmentRequest;

/** From page to worker. `abort` has no reply. */
export type ToWorker =
  | { readonly id: number; readonly request: WorkerRequest }
  | { readonly id: number; readonly request: { readonly kind: 'abort' } };

export interface LoadResult extends ChosenDevice {
  readonly card: ModelCard;
  /** The input size, if the model accepts only one. */
  readonly fixedSize: { readonly height: number; readonly width: number } | undefined;
  /** Bytes of the model file. */
  readonly bytes: number;
}

export interface ResultOf {
  readonly load: LoadResult;
  readonly segment: Segmentation;
}

export interface SentError {
  readonly name: string;
  readonly message: string;
  /** Only for a PixelwiseError. */
  readonly code: string | undefined;
}

/** From worker to page. */
export type FromWorker =
  | {
      readonly id: number;
      readonly kind: 'progress';
      readonly loaded: number;
      readonly total: number | undefined;
    }
  | { readonly id: number; readonly kind: 'done'; readonly result: LoadResult | Segmentation }
  | { readonly id: number; readonly kind: 'failed'; readonly error: SentError };
