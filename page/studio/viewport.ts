/**
 * The viewport: which part of the image is visible on the stage, the area of the page that shows the image. Screen
 * coordinates are CSS pixels from the stage's top left corner.
 */

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
  /** Image coordinates of the stage's top left corner. */
  readonly x: number;
  readonly y: number;
}

/** At most this many CSS pixels for each pixel of the image. */
const LARGEST_SCALE = 64;
/** The smallest scale, as a fraction of the scale at which the image fits. */
const SMALLEST_SCALE_OF_FIT = 0.5;
/** CSS pixels around an image that fits. */
const MARGIN = 16;
/** At least this many CSS pixels of the image stay visible, however far it is moved. */
const MIN_VISIBLE = 48;

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

/** Converts screen coordinates to image coordinates. Pixel (i, j) extends from (i, j) to (i + 1, j + 1). */
export function toImage({ scale, x, y }: Viewport, at: Point): Point {
  return { x: x + at.x / scale, y: y + at.y / scale };
}

export function toScreen({ scale, x, y }: Viewport, at: Point): Point {
  return { x: (at.x - x) * scale, y: (at.y - y) * scale };
}

/** Moves the image by CSS pixels. */
export function panBy(view: Viewport, dx: number, dy: number, image: Size, stage: Size): Viewport {
  return limited({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, image, stage);
}

/** Multiplies the scale, within its limits. The point of the image under `at` does not move on the screen. */
export function zoomAt(view: Viewport, at: Point, factor: number, image: Size, stage: Size): Viewport {
  const smallest = Math.min(1, fitScale(image, stage) * SMALLEST_SCALE_OF_FIT);
  const scale = Math.min(LARGEST_SCALE, Math.max(smallest, view.scale * factor));
  const kept = toImage(view, at);
  return limited({ scale, x: kept.x - at.x / scale, y: kept.y - at.y / scale }, image, stage);
}

/** Puts a point of the image in the middle of the stage. */
export function centred(view: Viewport, at: Point, image: Size, stage: Size): Viewport {
  const { scale } = view;
  return limited(
    { scale, x: at.x - stage.width / scale / 2, y: at.y - stage.height / scale / 2 },
    image,
    stage,
  );
}

/** The viewport after the stage was resized: the same point of the image stays in the middle. */
export function resized(view: Viewport, from: Size, to: Size, image: Size): Viewport {
  return centred(view, toImage(view, { x: from.width / 2, y: from.height / 2 }), image, to);
}

/** Limits the position, so that {@link MIN_VISIBLE} pixels of the image stay on the stage. */
function limited({ scale, x, y }: Viewport, image: Size, stage: Size): Viewport {
  const clamp = (value: number, length: number, available: number) => {
    const kept = Math.min(MIN_VISIBLE / scale, length);
    return Math.max(kept - available / scale, Math.min(length - kept, value));
  };
  return { scale, x: clamp(x, image.width, stage.width), y: clamp(y, image.height, stage.height) };
}
