/** Drawn over the stage without being part of the image: the brush's ring, the lasso, the crosshair. */
import { element } from './elements.js';
import type { Box } from './label-plane.js';
import { type Point, toScreen, type Viewport } from './viewport.js';

/** Seconds for which a place is marked. */
const SPOT_SECONDS = 2.5;

export class Overlay {
  private readonly circle = element('ring');
  private side = 0;
  private readonly lines = [element<SVGElement>('line'), element<SVGElement>('line-under')];
  private lineIsEmpty = true;
  private readonly crosshair = element<SVGElement>('crosshair');
  private readonly spot = element<SVGElement>('spot');
  private spotted: Box | undefined;
  private timer = 0;

  /** @param diameter of the brush in pixels of the image. */
  ring(view: Viewport, at: Point | undefined, diameter: number): void {
    this.circle.hidden = !at;
    if (!at) return;
    const side = Math.max(3, diameter * view.scale);
    if (side !== this.side) {
      this.side = side;
      this.circle.style.width = this.circle.style.height = `${side}px`;
    }
    const { x, y } = toScreen(view, at);
    this.circle.style.transform = `translate(${x - side / 2}px, ${y - side / 2}px)`;
  }

  lasso(view: Viewport, points: readonly Point[]): void {
    if (points.length === 0 && this.lineIsEmpty) return;
    this.lineIsEmpty = points.length === 0;
    const path = points.map((point) => {
      const { x, y } = toScreen(view, point);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    for (const line of this.lines) line.setAttribute('d', path.length > 1 ? `M${path.join('L')}Z` : '');
  }

  cross(view: Viewport, at: Point | undefined): void {
    this.crosshair.toggleAttribute('hidden', !at);
    if (!at) return;
    const { x, y } = toScreen(view, at);
    this.crosshair.setAttribute('transform', `translate(${x} ${y})`);
  }

  /** Marks a part of the image for a moment. */
  mark(view: Viewport, box: Box | undefined): void {
    clearTimeout(this.timer);
    this.spotted = box;
    if (box) this.timer = window.setTimeout(() => this.mark(view, undefined), SPOT_SECONDS * 1000);
    this.follow(view);
  }

  /** Moves the mark with the image. */
  follow(view: Viewport): void {
    const box = this.spotted;
    this.spot.toggleAttribute('hidden', !box);
    if (!box) return;
    const { x, y } = toScreen(view, { x: box.left, y: box.top });
    this.spot.setAttribute('x', String(x));
    this.spot.setAttribute('y', String(y));
    this.spot.setAttribute('width', String((box.right - box.left) * view.scale));
    this.spot.setAttribute('height', String((box.bottom - box.top) * view.scale));
  }
}
