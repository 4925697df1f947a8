/** Where the image is on the canvas: a scale and a shift. */
import type { Point } from '../../src/labels/drawing.js';

const LARGEST = 64;

export class View {
  /** Canvas pixels (CSS) of an image pixel. */
  scale = 1;
  /** Canvas position of the image's top left corner. */
  x = 0;
  y = 0;
  private stage = { width: 1, height: 1 };
  private image = { width: 1, height: 1 };
  private fitted = true;

  /** Tells the size of the canvas. An image that was shown whole stays so. */
  resize(width: number, height: number): void {
    this.stage = { width: Math.max(1, width), height: Math.max(1, height) };
    if (this.fitted) this.fit();
    else this.clamp();
  }

  show(width: number, height: number): void {
    this.image = { width, height };
    this.fit();
  }

  /** Shows the whole image. */
  fit(): void {
    const { stage, image } = this;
    this.scale = this.smallest;
    this.x = (stage.width - image.width * this.scale) / 2;
    this.y = (stage.height - image.height * this.scale) / 2;
    this.fitted = true;
  }

  /** Zooms by a factor and keeps the pixel under a point of the canvas there. */
  zoom(factor: number, [x, y]: Point = [this.stage.width / 2, this.stage.height / 2]): void {
    const scale = Math.max(this.smallest / 2, Math.min(LARGEST, this.scale * factor));
    this.x = x - ((x - this.x) / this.scale) * scale;
    this.y = y - ((y - this.y) / this.scale) * scale;
    this.scale = scale;
    this.fitted = false;
    this.clamp();
  }

  pan(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.clamp();
  }

  /** Brings an image pixel to the middle, at a scale. */
  centre([x, y]: Point, scale = this.scale): void {
    this.scale = Math.max(this.smallest, Math.min(LARGEST, scale));
    this.x = this.stage.width / 2 - (x + 0.5) * this.scale;
    this.y = this.stage.height / 2 - (y + 0.5) * this.scale;
    this.fitted = false;
    this.clamp();
  }

  /** The image position under a point of the canvas; pixel (0, 0) has its centre at (0, 0). */
  toImage([x, y]: Point): Point {
    return [(x - this.x) / this.scale - 0.5, (y - this.y) / this.scale - 0.5];
  }

  toCanvas([x, y]: Point): Point {
    return [(x + 0.5) * this.scale + this.x, (y + 0.5) * this.scale + this.y];
  }

  /** The part of the image that is shown, in pixels. */
  get middle(): Point {
    return this.toImage([this.stage.width / 2, this.stage.height / 2]);
  }

  private get smallest(): number {
    return Math.min(this.stage.width / this.image.width, this.stage.height / this.image.height) * 0.96;
  }

  /** A part of the image stays on the canvas. */
  private clamp(): void {
    const margin = 60;
    const { stage, image, scale } = this;
    this.x = Math.max(margin - image.width * scale, Math.min(stage.width - margin, this.x));
    this.y = Math.max(margin - image.height * scale, Math.min(stage.height - margin, this.y));
  }
}
