/** The view of the picture in its stage: zoom and pan by wheel, pointers and keys. */

/** A point in pixels of the picture. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The largest zoom, in screen pixels for each pixel of the image. */
const CLOSEST = 40;
const STEP = 1.5;
/** A pointer that moved less than this, in pixels of the screen, has clicked. */
const STILL = 4;

export class View {
  private picture: Size = { width: 1, height: 1 };
  private zoom = 1;
  /** Of the picture's middle from the stage's, in pixels of the screen. */
  private x = 0;
  private y = 0;
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private moved = 0;

  /** @param onChange called when the view has moved. */
  constructor(
    private readonly stage: HTMLElement,
    private readonly canvas: HTMLElement,
    private readonly onChange: (view: View) => void,
  ) {
    stage.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
    });
    canvas.addEventListener('pointerdown', (event) => {
      if (this.pointers.size === 0) this.moved = 0;
      this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => this.drag(event));
    for (const end of ['pointerup', 'pointercancel'] as const)
      canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener('dblclick', (event) => {
      if (this.zoom > 1.01) this.fit();
      else this.zoomBy(3, event.clientX, event.clientY);
    });
    new ResizeObserver(() => this.apply()).observe(stage);
  }

  /** Whether the last press of a pointer moved the picture. */
  get dragged(): boolean {
    return this.moved > STILL;
  }

  /** How much larger than the stage the picture is shown; 1 if it just fits. */
  get factor(): number {
    return this.zoom;
  }

  /** Shows a picture of this size as a whole. */
  show(picture: Size): void {
    this.picture = picture;
    this.fit();
  }

  fit(): void {
    [this.zoom, this.x, this.y] = [1, 0, 0];
    this.apply();
  }

  closer(): void {
    this.zoomBy(STEP);
  }

  farther(): void {
    this.zoomBy(1 / STEP);
  }

  /** The pixel of the picture at a place of the window. */
  pixelAt({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }): Point {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return {
      x: ((clientX - left) / width) * this.picture.width,
      y: ((clientY - top) / height) * this.picture.height,
    };
  }

  /** The place of a pixel in the stage, in pixels of the screen. */
  placeOf({ x, y }: Point): { left: number; top: number } {
    const [canvas, stage] = [this.canvas.getBoundingClientRect(), this.stage.getBoundingClientRect()];
    return {
      left: canvas.left - stage.left + (x / this.picture.width) * canvas.width,
      top: canvas.top - stage.top + (y / this.picture.height) * canvas.height,
    };
  }

  /** Moves the picture so far that a pixel is inside the stage. */
  reveal(point: Point): void {
    const { left, top } = this.placeOf(point);
    const { clientWidth, clientHeight } = this.stage;
    const beyond = (at: number, end: number) => Math.min(0, at - 16) + Math.max(0, at - end + 16);
    this.x -= beyond(left, clientWidth);
    this.y -= beyond(top, clientHeight);
    this.apply();
  }

  private drag(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    this.moved += Math.hypot(dx, dy);
    if (other) {
      const apart = (at: { x: number; y: number }) => Math.max(1, Math.hypot(at.x - other.x, at.y - other.y));
      this.x += dx / 2;
      this.y += dy / 2;
      this.zoomBy(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (this.zoom > 1 && this.dragged) {
      this.x += dx;
      this.y += dy;
      this.apply();
    }
  }

  /** @param clientX a place of the window that stays where it is; default the middle. */
  private zoomBy(factor: number, clientX?: number, clientY?: number): void {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    const most = Math.max(1, CLOSEST / this.fitting);
    const zoom = Math.max(1, Math.min(most, this.zoom * factor));
    const [fromX, fromY] = [
      (clientX ?? left + width / 2) - left - width / 2,
      (clientY ?? top + height / 2) - top - height / 2,
    ];
    const change = zoom / this.zoom;
    this.x = fromX - (fromX - this.x) * change;
    this.y = fromY - (fromY - this.y) * change;
    this.zoom = zoom;
    this.apply();
  }

  /** Pixels of the screen by pixel of the picture where it just fits. */
  private get fitting(): number {
    const { clientWidth, clientHeight } = this.stage;
    return Math.min(clientWidth / this.picture.width, clientHeight / this.picture.height) || 1;
  }

  private apply(): void {
    const scale = this.fitting * this.zoom;
    const [width, height] = [this.picture.width * scale, this.picture.height * scale];
    // No further than the edges of the picture.
    const within = (at: number, long: number, room: number) => {
      const most = Math.max(0, (long - room) / 2);
      return Math.max(-most, Math.min(most, at));
    };
    this.x = within(this.x, width, this.stage.clientWidth);
    this.y = within(this.y, height, this.stage.clientHeight);
    const { style } = this.canvas;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.translate = `${this.x}px ${this.y}px`;
    this.canvas.classList.toggle('enlarged', scale * devicePixelRatio >= 2);
    this.canvas.classList.toggle('movable', this.zoom > 1);
    this.onChange(this);
  }
}
