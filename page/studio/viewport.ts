/** Which part of the image the stage shows. Screen coordinates are CSS pixels from the stage's top left corner. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Viewport {
  /** CSS pixels for each pixel of the image. */
  readonly scale: number;
  /** The image's point at the stage's top left corner. */
  readonly x: number;
  readonly y: number;
}

/** At most this many CSS pixels for each pixel of the image. */
const LARGEST_SCALE = 64;
/** The smallest scale, as a part of the one at which the image fits. */
const SMALLEST_OF_FIT = 0.5;
/** CSS pixels around an image that fits. */
const MARGIN = 16;
/** CSS pixels of the image that stay on the stage however far it is moved. */
const KEPT = 48;

function fitScale(image: Size, stage: Size): number {
  const free = (length: number) => Math.max(1, length - 2 * MARGIN);
  return Math.min(free(stage.width) / image.width, free(stage.height) / image.height, LARGEST_SCALE);
}

/** The whole image in the middle of the stage. */
export function fit(image: Size, stage: Size): Viewport {
  const scale = fitScale(image, stage);
  return {
    scale,
    x: (image.width - stage.width / scale) / 2,
    y: (image.height - stage.height / scale) / 2,
  };
}

/** The image's point at a point of the screen. Pixel (i, j) extends from (i, j) to (i + 1, j + 1). */
export function toImage({ scale, x, y }: Viewport, at: Point): Point {
  return { x: x + at.x / scale, y: y + at.y / scale };
}

export function toScreen({ scale, x, y }: Viewport, at: Point): Point {
  return { x: (at.x - x) * scale, y: (at.y - y) * scale };
}

/** Moves the image by CSS pixels. */
export function panBy(view: Viewport, dx: number, dy: number, image: Size, stage: Size): Viewport {
  return within({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, image, stage);
}

/** Multiplies the scale, within its limits. The image's point under `at` stays there. */
export function zoomAt(view: Viewport, at: Point, factor: number, image: Size, stage: Size): Viewport {
  const smallest = Math.min(1, fitScale(image, stage) * SMALLEST_OF_FIT);
  const scale = Math.min(LARGEST_SCALE, Math.max(smallest, view.scale * factor));
  const kept = toImage(view, at);
  return within({ scale, x: kept.x - at.x / scale, y: kept.y - at.y / scale }, image, stage);
}

/** Puts a point of the image in the middle of the stage. */
export function centred(view: Viewport, at: Point, image: Size, stage: Size): Viewport {
  const { scale } = view;
  return within(
    { scale, x: at.x - stage.width / scale / 2, y: at.y - stage.height / scale / 2 },
    image,
    stage,
  );
}

/** Keeps the viewport's middle on a stage of another size. */
export function resized(view: Viewport, from: Size, to: Size, image: Size): Viewport {
  return centred(view, toImage(view, { x: from.width / 2, y: from.height / 2 }), image, to);
}

/** A part of the image stays on the stage. */
function within({ scale, x, y }: Viewport, image: Size, stage: Size): Viewport {
  const clamp = (value: number, length: number, available: number) => {
    const kept = Math.min(KEPT / scale, length);
    return Math.max(kept - available / scale, Math.min(length - kept, value));
  };
  return { scale, x: clamp(x, image.width, stage.width), y: clamp(y, image.height, stage.height) };
}
