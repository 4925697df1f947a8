/** The tools: what a press, a movement and a release at a point of the image do to the labels. */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';
import { outlineRuns, type Point as Corner } from '../../src/labels/outline.js';
import { type Stroke, strokeRuns } from '../../src/labels/stroke.js';
import { floodFill } from './flood-fill.js';
import type { History } from './history.js';
import { type Edit, type LabelPlane, reversed } from './label-plane.js';
import type { OpenImage } from './open-image.js';
import type { Outbox } from './outbox.js';
import { inSlices } from './slices.js';
import type { Point } from './viewport.js';

export const TOOLS = ['brush', 'eraser', 'fill', 'lasso', 'accept', 'pick', 'pan'] as const;
export type Tool = (typeof TOOLS)[number];

/** The brush's width in pixels. */
export const LEAST_SIZE = 1;
export const MOST_SIZE = 512;

/** A stroke that takes longer is sent in parts, so that at most this many milliseconds of it can be lost. */
const PART = 1000;

interface RunningStroke {
  readonly name: string;
  readonly edit: number;
  readonly class: number;
  readonly radius: number;
  readonly points: [number, number][];
  /** Points whose segments are painted, and points that were sent. */
  painted: number;
  sent: number;
  sentAt: number;
}

export class Editor {
  tool: Tool = 'brush';
  /** Index of the class to paint. */
  class = 0;
  size = 24;
  image: OpenImage | undefined;
  /** The line of a lasso in progress. */
  outline: Point[] = [];
  private stroke: RunningStroke | undefined;
  private long: string | undefined;

  constructor(
    private readonly history: History,
    private readonly outbox: Outbox,
    private readonly on: {
      /** Labels, undo or redo changed. */
      readonly edited: () => void;
      /** A long edit began, with its name, or ended. */
      readonly busy: (name: string | undefined) => void;
      readonly picked: (label: number) => void;
      /** All of the image has labels that the user accepted. */
      readonly accepted: (image: OpenImage) => void;
      readonly say: (text: string) => void;
    },
  ) {}

  /** Whether a long edit runs. Tools do nothing meanwhile. */
  get busy(): boolean {
    return this.long !== undefined;
  }

  /** Whether a stroke or a lasso is in progress. */
  get drawing(): boolean {
    return this.stroke !== undefined || this.outline.length > 0;
  }

  press(at: Point): void {
    const { image } = this;
    if (!image || this.busy || this.drawing) return;
    switch (this.tool) {
      case 'brush':
      case 'eraser':
        image.plane.begin();
        this.stroke = {
          name: this.tool === 'eraser' ? 'eraser stroke' : 'brush stroke',
          edit: image.nextEdit(),
          class: this.tool === 'eraser' ? IGNORE_INDEX : this.class,
          radius: this.size / 2,
          points: [this.snapped(at)],
          painted: 0,
          sent: 0,
          sentAt: performance.now(),
        };
        break;
      case 'lasso':
      case 'accept':
        this.outline = [at];
        break;
      case 'fill':
        void this.fill(at);
        break;
      case 'pick':
        this.pick(at);
        break;
      case 'pan':
    }
  }

  move(at: Point): void {
    if (this.stroke) {
      const [x, y] = this.snapped(at);
      const last = this.stroke.points.at(-1)!;
      if (x !== last[0] || y !== last[1]) this.stroke.points.push([x, y]);
    } else if (this.outline.length > 0) this.outline.push(at);
  }

  release(): void {
    if (this.stroke) this.endStroke();
    else if (this.outline.length > 0) void this.endOutline();
  }

  /** Reverts the unsent part of the stroke or lasso in progress. */
  cancel(): void {
    this.outline = [];
    const { stroke, image } = this;
    if (!stroke || !image) return;
    if (stroke.sent > 0) {
      this.endStroke();
      return;
    }
    this.stroke = undefined;
    const edit = image.plane.end(stroke.name);
    if (edit) image.plane.apply(edit, 'undo');
  }

  /** Paints what was drawn since the last frame. */
  paint(): void {
    const { stroke, image } = this;
    if (!stroke || !image) return;
    const { points, painted, radius } = stroke;
    if (painted === points.length) return;
    const { plane } = image;
    strokeRuns(
      { radius, points: points.slice(Math.max(0, painted - 1)) },
      plane.width,
      plane.height,
      (y, start, end) => plane.fillRun(y, start, end, stroke.class),
    );
    stroke.painted = points.length;
    if (performance.now() - stroke.sentAt >= PART) this.sendPart(image, stroke);
  }

  private endStroke(): void {
    this.paint();
    const { stroke, image } = this;
    this.stroke = undefined;
    if (!stroke || !image) return;
    const edit = image.plane.end(stroke.name);
    if (edit) this.add(image, edit, stroke.edit);
    // Labels that were there already are the server's, so there is nothing to send.
    if (edit || stroke.sent > 0) this.sendPart(image, stroke);
    this.on.edited();
  }

  private sendPart(image: OpenImage, stroke: RunningStroke): void {
    const points = stroke.points.slice(Math.max(0, stroke.sent - 1));
    stroke.sent = stroke.points.length;
    stroke.sentAt = performance.now();
    const part: Stroke = { class: stroke.class, radius: stroke.radius, points };
    this.outbox.add(image, { stroke: part, edit: stroke.edit });
  }

  private add(image: OpenImage, edit: Edit, number: number): void {
    this.history.add(image.id, edit);
    image.unsaved.set(number, edit);
  }

  private async endOutline(): Promise<void> {
    const { outline, image, tool } = this;
    this.outline = [];
    if (!image || outline.length < 3) return;
    // Pixel (x, y) has its centre at (x + ½, y + ½) on the screen, and at [x, y] for `outlineRuns`.
    const points = outline.map(({ x, y }): Corner => [x - 0.5, y - 0.5]);
    if (tool === 'accept') await this.accept(points);
    else {
      const label = this.class;
      await this.change('lasso fill', (plane) => {
        const runs: (readonly [number, number, number])[] = [];
        outlineRuns(points, plane.width, plane.height, (...run) => runs.push(run));
        return (function* () {
          for (const [i, [y, start, end]] of runs.entries()) {
            plane.fillRun(y, start, end, label);
            if (i % 64 === 63) yield;
          }
        })();
      });
    }
  }

  /** Unlabelled pixels take the prediction: inside the polygon, or everywhere. */
  async accept(inside?: readonly Corner[]): Promise<void> {
    const { image } = this;
    const prediction = image?.prediction;
    if (!image || !prediction) {
      this.on.say('There is no prediction to accept yet.');
      return;
    }
    const { width, height, data } = prediction;
    await this.change(inside ? 'accepted region' : 'accepted rest', (plane) => {
      const runs: (readonly [number, number, number])[] = [];
      if (inside) outlineRuns(inside, width, height, (...run) => runs.push(run));
      return (function* () {
        const count = inside ? runs.length : height;
        for (let i = 0; i < count; i++) {
          const [y, start, end] = inside ? runs[i]! : [i, 0, width];
          plane.fillUnlabelled(y, start, end, data, y * width + start);
          if (i % 16 === 15) yield;
        }
      })();
    });
    if (!inside) this.on.accepted(image);
  }

  private fill({ x, y }: Point): Promise<void> {
    const { image } = this;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!image || column < 0 || row < 0 || column >= image.width || row >= image.height) {
      return Promise.resolve();
    }
    return this.change('fill', (plane) => floodFill(plane, column, row, this.class));
  }

  /** Makes a long edit in slices. */
  private async change(name: string, work: (plane: LabelPlane) => Generator<void, void>): Promise<void> {
    const { image } = this;
    if (!image || this.busy || this.drawing) return;
    this.long = name;
    this.on.busy(name);
    const { plane } = image;
    plane.begin();
    await inSlices(work(plane));
    const edit = await inSlices(plane.ending(name));
    this.long = undefined;
    this.on.busy(undefined);
    if (edit) {
      const number = image.nextEdit();
      this.add(image, edit, number);
      this.outbox.add(image, { stroke: undefined, edit: number });
    }
    this.on.say(edit ? `Done: ${name}.` : `Nothing to change: ${name}.`);
    this.on.edited();
  }

  private pick({ x, y }: Point): void {
    const { image } = this;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!image || column < 0 || row < 0 || column >= image.width || row >= image.height) return;
    const label = image.plane.get(column, row);
    const found = label === IGNORE_INDEX ? image.prediction?.data[row * image.width + column] : label;
    if (found !== undefined && found !== IGNORE_INDEX) this.on.picked(found);
  }

  undo(): void {
    this.step('undo');
  }

  redo(): void {
    this.step('redo');
  }

  private step(direction: 'undo' | 'redo'): void {
    const { image } = this;
    if (!image || this.busy || this.drawing) return;
    const edit = this.history[direction](image.id);
    if (!edit) {
      this.on.say(`Nothing to ${direction}.`);
      return;
    }
    image.plane.apply(edit, direction);
    const number = image.nextEdit();
    image.unsaved.set(number, direction === 'undo' ? reversed(edit) : edit);
    this.outbox.add(image, { stroke: undefined, edit: number });
    this.on.say(`${direction === 'undo' ? 'Undone' : 'Redone'}: ${edit.name}.`);
    this.on.edited();
  }

  /** The brush's centre: on a pixel's centre for odd sizes, between pixels for even ones. */
  private snapped({ x, y }: Point): [number, number] {
    if (this.size % 2 === 1) return [Math.floor(x), Math.floor(y)];
    return [Math.round(x) - 0.5, Math.round(y) - 0.5];
  }
}
