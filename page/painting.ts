/** The messages between the page and the painter. */

export interface Picture {
  /** The picture under the mask. */
  readonly bitmap: ImageBitmap;
}

/** A mask and its confidence. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly mask: Uint8Array;
  /** By pixel, the probability of the class in the mask. */
  readonly confidence: Float32Array;
}

export interface Look {
  readonly shown: boolean;
  /** From 0 to 1, inside regions. Outlines are always opaque. */
  readonly opacity: number;
  /** With two classes: the least probability of class 1. */
  readonly threshold: number | undefined;
  /** By class: whether it is hidden. */
  readonly hidden: readonly boolean[];
  /** To compare: the mask begins at this share of the picture's width. 0 for all of it. */
  readonly from: number;
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
  /** A picture with its mask, or without one before there is any. */
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

/** The pixel count of each class, if there is a mask. */
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
