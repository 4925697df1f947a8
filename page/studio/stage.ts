/** The stage: what of the image is shown, and when it is drawn. */
import { CanvasRenderer } from './canvas-renderer.js';
import { ImageTiles } from './image-tiles.js';
import { type Box, union } from './label-plane.js';
import type { Look } from './look.js';
import type { OpenImage } from './open-image.js';
import type { RasterClient } from './rasters.js';
import type { Renderer } from './renderer.js';
import {
  centred,
  fit,
  panBy,
  type Point,
  resized,
  type Size,
  toImage,
  type Viewport,
  zoomAt,
} from './viewport.js';
import { WebGlRenderer } from './webgl-renderer.js';

/** A picture of an image that is reduced by 2^level. */
export interface FirstPicture {
  readonly bitmap: ImageBitmap;
  readonly level: number;
}

export class Stage {
  view: Viewport = { scale: 1, x: 0, y: 0 };
  size: Size;
  readonly renderer: Renderer;
  private image: OpenImage | undefined;
  private tiles: ImageTiles | undefined;
  private requested = false;
  private whole = true;
  private damage: Box | undefined;
  private fitted = true;
  /** The stage's top left corner in the window. */
  private corner: Point = { x: 0, y: 0 };

  constructor(
    private readonly frame: HTMLElement,
    private readonly canvas: HTMLCanvasElement,
    private readonly rasters: RasterClient,
    private look: Look,
    private readonly on: {
      /** Before a frame: the time for painting. */
      readonly frame: () => void;
      readonly view: () => void;
    },
    /** Undefined for the one that is faster here. */
    wanted: 'webgl' | '2d' | undefined,
  ) {
    this.renderer =
      (wanted === '2d' ? undefined : WebGlRenderer.on(canvas, wanted === 'webgl', () => this.redraw())) ??
      new CanvasRenderer(canvas);
    this.size = { width: frame.clientWidth, height: frame.clientHeight };
    new ResizeObserver(() => this.resize()).observe(frame);
    addEventListener('scroll', () => this.measure(), { passive: true });
    addEventListener('resize', () => this.measure());
    this.resize();
  }

  private get density(): number {
    return Math.min(devicePixelRatio, this.renderer.mostDensity);
  }

  /** Shows an image, whole. @param first is a reduced picture of it, until `imageOpened` is called. */
  show(image: OpenImage, first?: FirstPicture): void {
    this.clear();
    this.image = image;
    this.tiles = new ImageTiles(
      this.rasters,
      image.width,
      image.height,
      () => this.redraw(),
      (tile) => (this.renderer instanceof WebGlRenderer ? this.renderer.dropTexture(tile) : undefined),
      first && { ...first, column: 0, row: 0 },
    );
    this.take(image);
    this.fit();
  }

  /** Must be called when the worker has opened the image. */
  imageOpened(): void {
    this.tiles?.open();
  }

  /** Shows an image's labels again after their plane was replaced. */
  take(image: OpenImage): void {
    this.renderer.reset();
    image.plane.onChange = (box) => {
      this.damage = this.damage ? union(this.damage, box) : box;
      this.request();
    };
    this.redraw();
  }

  clear(): void {
    this.tiles?.close();
    this.renderer.reset();
    this.image = undefined;
    this.tiles = undefined;
    this.canvas.hidden = true;
  }

  setLook(look: Look): void {
    this.look = look;
    this.redraw();
  }

  /** Loads the image again from the worker, after the window of grey values changed. */
  renewImage(): void {
    this.tiles?.renew();
  }

  planesChanged(): void {
    this.renderer.planesChanged();
    this.redraw();
  }

  fit(): void {
    if (!this.image) return;
    this.setView(fit(this.image, this.size));
    this.fitted = true;
  }

  /** Multiplies the scale around a point of the stage; its middle by default. */
  zoom(factor: number, at: Point = this.middle): void {
    if (this.image) this.setView(zoomAt(this.view, at, factor, this.image, this.size));
  }

  /** One pixel of the image for each CSS pixel. */
  zoomToPixels(): void {
    this.zoom(1 / this.view.scale);
  }

  pan(dx: number, dy: number): void {
    if (this.image) this.setView(panBy(this.view, dx, dy, this.image, this.size));
  }

  /** Brings a part of the image to the middle, and near enough to see it. */
  lookAt(box: Box): void {
    if (!this.image) return;
    const length = Math.max(box.right - box.left, box.bottom - box.top);
    const scale = Math.min(this.size.width, this.size.height) / length / 4;
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    if (scale > this.view.scale) this.zoom(scale / this.view.scale);
    this.setView(centred(this.view, middle, this.image, this.size));
  }

  get middle(): Point {
    return { x: this.size.width / 2, y: this.size.height / 2 };
  }

  /** The image's point under a point of the window. */
  imagePoint(event: { clientX: number; clientY: number }): Point {
    return toImage(this.view, this.stagePoint(event));
  }

  stagePoint({ clientX, clientY }: { clientX: number; clientY: number }): Point {
    const { x, y } = this.corner;
    return { x: clientX - x, y: clientY - y };
  }

  /** Finds out where the stage is in the window. Not for each movement: it makes the browser lay out the page. */
  measure(): void {
    const { left, top } = this.frame.getBoundingClientRect();
    this.corner = { x: left, y: top };
  }

  private setView(view: Viewport): void {
    this.view = view;
    this.fitted = false;
    this.redraw();
    this.on.view();
  }

  private resize(): void {
    const size = { width: Math.max(1, this.frame.clientWidth), height: Math.max(1, this.frame.clientHeight) };
    const from = this.size;
    this.size = size;
    this.measure();
    if (!this.image) return;
    if (this.fitted) this.fit();
    else this.setView(resized(this.view, from, size, this.image));
  }

  redraw(): void {
    this.whole = true;
    this.request();
  }

  /** Asks for a frame, in which strokes are painted and the stage is drawn. */
  request(): void {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame(() => {
      this.requested = false;
      this.draw();
    });
  }

  private draw(): void {
    this.on.frame();
    const { image, tiles, damage } = this;
    if (!image || !tiles) return;
    this.canvas.hidden = false;
    const { density, size } = this;
    const width = Math.round(size.width * density);
    const height = Math.round(size.height * density);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.whole = true;
    }
    if (damage) this.renderer.labelsChanged(damage);
    const { whole } = this;
    if (!whole && !damage) return;
    this.whole = false;
    this.damage = undefined;
    const missing = this.renderer.draw(
      {
        view: this.view,
        stage: size,
        density,
        look: this.look,
        image: tiles,
        labels: image.plane,
        prediction: image.prediction,
        uncertainty: image.uncertainty,
      },
      whole ? undefined : damage,
    );
    if (missing) this.redraw();
  }
}
