/** What is drawn over the stage and is no part of the image: the brush's ring, the lasso, the crosshair. */
import { element } from './elements.js';
import type { Box } from './label-plane.js';
import { type Point, toScreen, type Viewport } from './viewport.js';

/** Seconds for which a place is marked. */
const SPOT_SECONDS = 2.5;

export class Overlay {
  private readonly rings = [element<SVGElement>('ring'), element<SVGElement>('ring-under')];
  private readonly lines = [element<SVGElement>('line'), element<SVGElement>('line-under')];
  private readonly crosshair = element<SVGElement>('crosshair');
  private readonly spot = element<SVGElement>('spot');
  private spotted: Box | undefined;
  private timer = 0;

  /** @param diameter of the brush in pixels of the image. */
  ring(view: Viewport, at: Point | undefined, diameter: number): void {
    const centre = at && toScreen(view, at);
    for (const ring of this.rings) {
      ring.toggleAttribute('hidden', !centre);
      if (!centre) continue;
      ring.setAttribute('cx', String(centre.x));
      ring.setAttribute('cy', String(centre.y));
      ring.setAttribute('r', String(Math.max(1.5, (diameter / 2) * view.scale)));
    }
  }

  lasso(view: Viewport, points: readonly Point[]): void {
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
