/** Pictures of masks in memory, the same in every runtime: colours, overlays, PNG. Uses nothing from Node. */
import { rangeOf } from '../data/normalization.js';
import type { LegendSide, OverlayOptions } from '../images/legend.js';
import { colourMask, type DisplayRange, type RgbaImage } from '../images/paint-mask.js';
import { CLASS_PALETTE, type Colour, maskLook } from '../images/palette.js';
import { maskPng } from '../images/portable-png.js';
import type { ClassMask } from '../images/raster.js';
import { hasClass } from '../labels/label-set.js';
import type { ObjectMap } from '../objects/index.js';
import { checkOptions, choice, real, whole } from '../settings/index.js';
import type { ModelCard } from './model-card.js';

/** What pictures show of a model: `segmenter.card` has all of it. */
export type CardLook = Pick<ModelCard, 'classes' | 'palette'> &
  Partial<Pick<ModelCard, 'multiLabel' | 'normalization'>>;

export interface ColorizeOptions {
  /** The model's card, for its colours, and for the class that is left transparent: the background. */
  readonly card?: CardLook | undefined;
  /** Colours by mask value, 0…255; default those of the card, else Pixelwise's palette. */
  readonly colours?: readonly Colour[] | undefined;
  /** The mask value that stays transparent, null for none; default the background of the card, else 0. */
  readonly clear?: number | null | undefined;
  /** Opacity of the classes, 0…1; default 1. */
  readonly opacity?: number | undefined;
  /** Width of opaque outlines in pixels; default 0, which draws none. */
  readonly outline?: number | undefined;
}

export interface DrawOverlayOptions extends ColorizeOptions {
  /** Weight of the class colours, 0…1; default 0.4. */
  readonly opacity?: number | undefined;
  /** Width of the outlines in pixels, 0 for none; default 1 per 400 pixels of the longer side, at least 1. */
  readonly outline?: number | undefined;
  /** The values shown as black and white; default those that the model was trained on, else all of 8-bit values. */
  readonly range?: DisplayRange | undefined;
  /**
   * A legend of the classes that the mask shows. The image keeps its place in the top left corner; `none` (default)
   * keeps the size of the image, too.
   */
  readonly legend?: LegendSide | 'none' | undefined;
  /** Draws these objects, each in a colour of its own, instead of the mask: `segmentation.objects`. */
  readonly objects?: ObjectMap | undefined;
}

export interface MaskToPngOptions {
  /** The model's card, for its colours. */
  readonly card?: CardLook | undefined;
  /** Colours by mask value, 0…255; `grey` for a PNG without a palette. Default those of the card, else Pixelwise's. */
  readonly colours?: readonly Colour[] | 'grey' | undefined;
}

const COLOURS_OF = { card: null, colours: null };
const COLORIZE = {
  ...COLOURS_OF,
  clear: null,
  opacity: real({ min: 0, max: 1 }),
  outline: whole(0),
};
const DRAW = {
  ...COLORIZE,
  range: null,
  legend: choice(['none', 'beside', 'below']),
  objects: null,
};

/**
 * A mask as PNG. Its stored values are the classes, and viewers show them in colours. All runtimes write the same bytes.
 *
 * @throws ShapeError if the mask is not width × height values.
 */
export async function maskToPng(
  mask: ClassMask,
  options: MaskToPngOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkOptions<MaskToPngOptions>('maskToPng', COLOURS_OF, options);
  const { card, colours } = options;
  if (colours === 'grey') return maskPng(mask, undefined);
  if (colours) return maskPng(mask, Uint8Array.from(colours.flat()));
  // Ignored pixels, 255, keep their colour.
  const palette = CLASS_PALETTE.slice();
  if (card) palette.set(paletteOf(card));
  return maskPng(mask, palette);
}

/**
 * A mask in the colours of its classes, with a transparent background: pixels for `ImageData`, or for `imageToPng`.
 */
export function colorize(mask: ClassMask, options: ColorizeOptions = {}): RgbaImage {
  checkOptions<ColorizeOptions>('colorize', COLORIZE, options);
  const { card, ...own } = options;
  const { colours, clear } = card ? overlayOptions(card) : {};
  return colourMask(mask, { colours, clear, ...given(own) });
}

/** The options of {@link drawOverlay} in the terms of the functions that draw. */
export function drawingOf({ card, legend, objects: _, ...own }: DrawOverlayOptions): OverlayOptions {
  const { legend: names = [], ...look } = card ? overlayOptions(card) : {};
  const side = legend === undefined || legend === 'none' ? undefined : legend;
  return { ...look, ...given(own), ...(side && { legend: names, legendSide: side }) };
}

/** Throws UsageError for options that {@link drawOverlay} does not have, or values out of range. */
export function checkDrawOptions(options: DrawOverlayOptions): void {
  checkOptions<DrawOverlayOptions>('drawOverlay', DRAW, options);
}

const given = <O extends object>(options: O): Partial<O> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<O>;

/** The overlay options for masks of a model. */
export function overlayOptions(card: CardLook): OverlayOptions {
  const { colours, clear, ofClasses } = maskLook(card, card.palette);
  return {
    colours,
    clear,
    legend: card.multiLabel
      ? card.classes.map((name, k) => ({
          name,
          colour: ofClasses[k]!,
          shown: (set: number) => hasClass(set, k),
        }))
      : card.classes,
    range: rangeOf(card.normalization),
  };
}

/** The colours of the model's mask values, as bytes. */
export function paletteOf(card: CardLook): Uint8Array {
  return Uint8Array.from(maskLook(card, card.palette).colours.flat());
}
