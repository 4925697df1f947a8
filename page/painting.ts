/** What the page and its painter say to each other. */

export interface Picture {
  /** What lies under the mask. */
  readonly bitmap: ImageBitmap;
}

/** A mask with the probability of its classes. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly mask: Uint8Array;
  /** Of the class in the mask, by pixel. */
  readonly confidence: Float32Array;
}

export interface Look {
  readonly shown: boolean;
  /** 0 … 1, inside of regions. Their outlines are always solid. */
  readonly opacity: number;
  /** Two classes: from which probability on a pixel is of class 1. */
  readonly threshold: number | undefined;
  /** By class: whether it is left out. */
  readonly hidden: readonly boolean[];
}

export interface Probe {
  readonly index: number;
  readonly confidence: number;
}

export type PainterQuestion =
  | {
      readonly kind: 'canvas';
      readonly canvas: OffscreenCanvas;
      readonly palette: readonly (readonly number[])[];
    }
  /** A picture, with its mask or while there is none yet. */
  | {
      readonly kind: 'picture';
      readonly picture: Picture;
      readonly mask: Mask | undefined;
      readonly look: Look;
    }
  | { readonly kind: 'mask'; readonly mask: Mask; readonly look: Look }
  | { readonly kind: 'look'; readonly look: Look }
  | { readonly kind: 'probe'; readonly x: number; readonly y: number }
  | { readonly kind: 'save'; readonly what: 'mask' | 'overlay' };

/** Pixels of each class, where there is a mask. */
export interface Painted {
  readonly counts: readonly number[] | undefined;
}

export interface PainterAnswers {
  readonly canvas: undefined;
  readonly picture: Painted;
  readonly mask: Painted;
  readonly look: Painted;
  readonly probe: Probe | undefined;
  readonly save: Blob;
}

export type PainterMessage = { readonly id: number; readonly question: PainterQuestion };
export type PainterReply =
  | { readonly id: number; readonly answer: PainterAnswers[keyof PainterAnswers] }
  | { readonly id: number; readonly error: string };
