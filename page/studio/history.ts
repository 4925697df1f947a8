/**
 * Undo and redo of one image, as tiles of 256×256 labels before and after each change, run-length encoded: labels are
 * flat, so that hundreds of wide strokes fit into the limit of bytes. Beyond it, the oldest changes are forgotten.
 */
import type { LabelPlane, PixelBox } from '../../src/labels/drawing.js';

export const TILE = 256;

/** Bytes of all changes of an image. */
const MOST_BYTES = 64 * 2 ** 20;

export interface TileAt {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface TileChange extends TileAt {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

type Change = readonly TileChange[];

const bytesOf = (change: Change): number =>
  change.reduce((sum, { before, after }) => sum + before.length + after.length, 0);

/** Tiles that a box touches. */
export function tilesIn({ width, height }: LabelPlane, { x0, y0, x1, y1 }: PixelBox): TileAt[] {
  const tiles: TileAt[] = [];
  for (let y = Math.floor(y0 / TILE) * TILE; y <= y1; y += TILE) {
    for (let x = Math.floor(x0 / TILE) * TILE; x <= x1; x += TILE) {
      tiles.push({ x, y, width: Math.min(TILE, width - x), height: Math.min(TILE, height - y) });
    }
  }
  return tiles;
}

/** Copies a tile. */
export function copyTile(plane: LabelPlane, { x, y, width, height }: TileAt): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const from = (y + row) * plane.width + x;
    out.set(plane.data.subarray(from, from + width), row * width);
  }
  return out;
}

function putTile(plane: LabelPlane, { x, y, width, height }: TileAt, data: Uint8Array): void {
  for (let row = 0; row < height; row++) {
    plane.data.set(data.subarray(row * width, (row + 1) * width), (y + row) * plane.width + x);
  }
}

/** Pairs of a value and the length of its run, 1 … 255. */
function packed(data: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < data.length;) {
    const value = data[i]!;
    let length = 1;
    while (length < 255 && i + length < data.length && data[i + length] === value) length++;
    out.push(value, length);
    i += length;
  }
  return Uint8Array.from(out);
}

function unpacked(runs: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0, at = 0; i < runs.length; i += 2) {
    out.fill(runs[i]!, at, at + runs[i + 1]!);
    at += runs[i + 1]!;
  }
  return out;
}

export class History {
  private done: Change[] = [];
  private undone: Change[] = [];
  private bytes = 0;
  /** Tiles before the change that is being made, by position. */
  private readonly open = new Map<string, { readonly tile: TileAt; readonly before: Uint8Array }>();

  constructor(private readonly plane: LabelPlane) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Must be called before pixels in the box are changed. */
  touch(box: PixelBox): void {
    for (const tile of tilesIn(this.plane, box)) {
      const key = `${tile.x} ${tile.y}`;
      if (!this.open.has(key)) this.open.set(key, { tile, before: copyTile(this.plane, tile) });
    }
  }

  /** Ends a change: it can be undone as one. Returns the tiles that it changed. */
  commit(): TileAt[] {
    const change: TileChange[] = [];
    for (const { tile, before } of this.open.values()) {
      const after = copyTile(this.plane, tile);
      if (after.some((value, i) => value !== before[i])) {
        change.push({ ...tile, before: packed(before), after: packed(after) });
      }
    }
    this.open.clear();
    if (change.length === 0) return [];
    this.undone.forEach((old) => (this.bytes -= bytesOf(old)));
    this.undone = [];
    this.done.push(change);
    this.bytes += bytesOf(change);
    while (this.bytes > MOST_BYTES && this.done.length > 1) this.bytes -= bytesOf(this.done.shift()!);
    return change;
  }

  /** Undoes the last change. Returns its tiles. */
  undo(): readonly TileAt[] {
    const change = this.done.pop();
    if (!change) return [];
    this.undone.push(change);
    for (const tile of change) putTile(this.plane, tile, unpacked(tile.before, tile.width * tile.height));
    return change;
  }

  redo(): readonly TileAt[] {
    const change = this.undone.pop();
    if (!change) return [];
    this.done.push(change);
    for (const tile of change) putTile(this.plane, tile, unpacked(tile.after, tile.width * tile.height));
    return change;
  }
}
