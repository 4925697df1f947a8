/** What a page and its worker say to each other. Every question has a number; its answers carry the same. */
import type { PixelValues } from '../images/raster.js';
import type { ModelCard } from '../inference/model-card.js';
import type { ChosenDevice, DeviceChoice } from './device.js';

/** Pixels on their way to the worker: what can be cloned or handed over. */
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

export interface LoadQuestion {
  readonly kind: 'load';
  /** An absolute address, or the file itself. */
  readonly model: string | Uint8Array | Blob;
  readonly device: DeviceChoice;
  readonly threads: number | undefined;
  /** Address of the folder that holds `ort/`; undefined: beside the worker. */
  readonly assets: string | undefined;
}

export interface SegmentQuestion {
  readonly kind: 'segment';
  readonly image: SentImage;
  readonly name: string | undefined;
  readonly probabilities: boolean;
  readonly confidence: boolean;
  readonly luminance: boolean;
  readonly threshold: number | undefined;
}

export type Question = LoadQuestion | SegmentQuestion;

/** From page to worker. `abort` and `close` have no answer. */
export type ToWorker =
  | { readonly id: number; readonly question: Question }
  | { readonly id: number; readonly question: { readonly kind: 'abort' } };

export interface LoadAnswer extends ChosenDevice {
  readonly card: ModelCard;
  /** The one size that the file takes, where there is one. */
  readonly fixedSize: { readonly height: number; readonly width: number } | undefined;
  /** Bytes of the model file. */
  readonly bytes: number;
}

export interface SegmentAnswer {
  readonly width: number;
  readonly height: number;
  readonly mask: Uint8Array;
  readonly probabilities: Float32Array | undefined;
  readonly confidence: Float32Array | undefined;
  /** From pixels to mask. */
  readonly seconds: number;
  /** From the file or bitmap to pixels. */
  readonly decodeSeconds: number;
}

export interface AnswerOf {
  readonly load: LoadAnswer;
  readonly segment: SegmentAnswer;
}

export interface SentError {
  readonly name: string;
  readonly message: string;
  /** Of a PixelwiseError. */
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
  | { readonly id: number; readonly kind: 'done'; readonly answer: LoadAnswer | SegmentAnswer }
  | { readonly id: number; readonly kind: 'failed'; readonly error: SentError };
