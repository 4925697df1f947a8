/** The interface of the two renderers of the stage: WebGL2, and a 2D canvas for browsers without it. */
import type { ImageTiles } from './image-tiles.js';
import type { Box, LabelPlane } from './label-plane.js';
import type { Look } from './look.js';
import type { Plane } from './rasters.js';
import type { Size, Viewport } from './viewport.js';

export interface Scene {
  readonly view: Viewport;
  /** The size of the stage in CSS pixels. */
  readonly stage: Size;
  /** Canvas pixels for each CSS pixel. */
  readonly density: number;
  readonly look: Look;
  readonly image: ImageTiles;
  readonly labels: LabelPlane;
  readonly prediction: Plane | undefined;
  readonly uncertainty: Plane | undefined;
}

export interface Renderer {
  readonly kind: 'webgl2' | '2d';
  /** Largest sensible number of canvas pixels for each CSS pixel. */
  readonly mostDensity: number;
  /** Must be called when labels changed in this part of the image. */
  labelsChanged(box: Box): void;
  /** Must be called when prediction or uncertainty were replaced. */
  planesChanged(): void;
  /**
   * Draws the scene, or with `damage` only this part of the image.
   * @returns whether something is still missing, so that the scene should be drawn again in the next frame.
   */
  draw(scene: Scene, damage: Box | undefined): boolean;
  /** Forgets the image and everything that belongs to it. */
  reset(): void;
}

/** The part of the canvas that shows a part of the image, with a margin for edges. Whole pixels of the canvas. */
export function canvasPart({ view, stage, density }: Scene, box: Box | undefined): Box {
  const whole = {
    left: 0,
    top: 0,
    right: Math.round(stage.width * density),
    bottom: Math.round(stage.height * density),
  };
  if (!box) return whole;
  const scale = view.scale * density;
  return {
    left: Math.max(0, Math.floor((box.left - view.x) * scale) - 2),
    top: Math.max(0, Math.floor((box.top - view.y) * scale) - 2),
    right: Math.min(whole.right, Math.ceil((box.right - view.x) * scale) + 2),
    bottom: Math.min(whole.bottom, Math.ceil((box.bottom - view.y) * scale) + 2),
  };
}

/** The level at which an image's pixel is at most as large as a canvas pixel: each level halves the size. */
export function levelOf(scale: number): number {
  return Math.max(0, Math.floor(Math.log2(1 / scale)));
}
