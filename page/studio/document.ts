/**
 * The image that is open: its labels here and on the server. Changes are drawn here at once and sent in their order; a
 * stroke that lasts is sent in parts, so that a crash loses at most half a second of it.
 */
import {
  drawStroke,
  fillOutline,
  floodFill,
  type LabelPlane,
  type PixelBox,
  type Point,
} from '../../src/labels/drawing.js';
import { api, type SentTile } from './api.js';
import { copyTile, History, type TileAt, tilesIn } from './history.js';

/** Milliseconds after which a stroke that goes on is sent. */
const SEND_AFTER = 500;

interface OpenStroke {
  readonly value: number;
  readonly radius: number;
  /** Not sent yet; the first point was sent before, unless the stroke has just begun. */
  points: Point[];
  sentAt: number;
}

export class StudioDocument {
  readonly history: History;
  private stroke: OpenStroke | undefined;
  private sending: Promise<unknown> = Promise.resolve();
  private pending = 0;

  constructor(
    readonly id: string,
    readonly plane: LabelPlane,
    /** Tells which tiles must be drawn again. */
    private readonly onChange: (tiles: readonly TileAt[]) => void,
    private readonly onError: (error: unknown) => void,
  ) {
    this.history = new History(plane);
  }

  /** Whether everything has been sent. */
  get settled(): boolean {
    return this.pending === 0 && this.stroke === undefined;
  }

  beginStroke(value: number, radius: number, at: Point): void {
    this.stroke = { value, radius, points: [at], sentAt: performance.now() };
    this.draw([at]);
  }

  /** Adds points to the stroke. */
  extendStroke(points: readonly Point[]): void {
    const { stroke } = this;
    if (!stroke || points.length === 0) return;
    const from = stroke.points.at(-1)!;
    stroke.points.push(...points);
    this.draw([from, ...points]);
    if (performance.now() - stroke.sentAt > SEND_AFTER) this.sendStroke();
  }

  endStroke(): void {
    if (!this.stroke) return;
    this.sendStroke();
    this.stroke = undefined;
    this.history.commit();
  }

  /** Fills the connected pixels of one value. */
  fill(at: Point, value: number): void {
    // What is touched is only known afterwards, so it is drawn on a copy first.
    const { width, height, data } = this.plane;
    const copy = { width, height, data: data.slice() };
    const box = floodFill(copy, at, value);
    if (box) this.replace(box, copy.data);
  }

  fillLasso(outline: readonly Point[], value: number): void {
    const box = boxOf(outline, this.plane);
    if (!box) return;
    this.history.touch(box);
    fillOutline(this.plane, outline, value);
    this.finish();
  }

  undo(): void {
    this.changed(this.history.undo());
  }

  redo(): void {
    this.changed(this.history.redo());
  }

  /** Takes labels from the server, for instance after the rest was accepted. They can be undone. */
  take(labels: Uint8Array): void {
    const { width, height } = this.plane;
    this.history.touch({ x0: 0, y0: 0, x1: width - 1, y1: height - 1 });
    this.plane.data.set(labels);
    this.onChange(this.history.commit());
  }

  /** Waits until everything has been sent. */
  async sent(): Promise<void> {
    await this.sending;
  }

  private replace(box: PixelBox, data: Uint8Array): void {
    this.history.touch(box);
    this.plane.data.set(data);
    this.finish();
  }

  private finish(): void {
    this.changed(this.history.commit());
  }

  private changed(tiles: readonly TileAt[]): void {
    if (tiles.length === 0) return;
    this.onChange(tiles);
    const copies = tiles.map((tile) => ({ ...tile, data: copyTile(this.plane, tile) }));
    this.send(async () => api.tiles(this.id, await Promise.all(copies.map(packed))));
  }

  private draw(points: readonly Point[]): void {
    const { value, radius } = this.stroke!;
    const box = boxOf(points, this.plane, radius + 1);
    if (!box) return;
    this.history.touch(box);
    drawStroke(this.plane, { value, radius, points });
    this.onChange(tilesIn(this.plane, box).map((tile) => part(tile, box)));
  }

  private sendStroke(): void {
    const { value, radius, points } = this.stroke!;
    this.stroke!.points = [points.at(-1)!];
    this.stroke!.sentAt = performance.now();
    this.send(() => api.stroke(this.id, { class: value, radius, points }));
  }

  private send(work: () => Promise<unknown>): void {
    this.pending++;
    this.sending = this.sending
      .then(work)
      .catch(this.onError)
      .finally(() => this.pending--);
  }
}

/** The part of a tile within a box. */
function part(tile: TileAt, { x0, y0, x1, y1 }: PixelBox): TileAt {
  const x = Math.max(tile.x, x0);
  const y = Math.max(tile.y, y0);
  return {
    x,
    y,
    width: Math.min(tile.x + tile.width, x1 + 1) - x,
    height: Math.min(tile.y + tile.height, y1 + 1) - y,
  };
}

/** The pixels around points, inside the plane; undefined for none. */
function boxOf(points: readonly Point[], { width, height }: LabelPlane, margin = 0): PixelBox | undefined {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    x0 = Math.min(x0, x);
    y0 = Math.min(y0, y);
    x1 = Math.max(x1, x);
    y1 = Math.max(y1, y);
  }
  const box = {
    x0: Math.max(0, Math.floor(x0 - margin)),
    y0: Math.max(0, Math.floor(y0 - margin)),
    x1: Math.min(width - 1, Math.ceil(x1 + margin)),
    y1: Math.min(height - 1, Math.ceil(y1 + margin)),
  };
  return box.x1 < box.x0 || box.y1 < box.y0 ? undefined : box;
}

async function packed({
  data,
  x,
  y,
  width,
  height,
}: TileAt & { readonly data: Uint8Array<ArrayBuffer> }): Promise<SentTile> {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { x, y, width, height, data: btoa(text) };
}
