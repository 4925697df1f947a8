/**
 * The labels of one image: a byte for each pixel, in tiles that are made when they are first painted. Edits record
 * what they change, so that they can be undone exactly.
 */
import { IGNORE_INDEX } from '../../src/labels/ignore-index.js';

/** Side of a tile in pixels. */
export const TILE = 256;
const AREA = TILE * TILE;
/** Tiles that are compared between two pauses. */
const TILES_PER_STEP = 16;

/** A rectangle of pixels, `right` and `bottom` excluded. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function union(a: Box, b: Box): Box {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** What an edit changed in one tile. */
interface TileDelta {
  readonly tile: number;
  /** For each run of equal changes: unchanged pixels before it, its length, and `before × 256 + after`. */
  readonly runs: Uint16Array;
}

/** An edit that can be undone. */
export interface Edit {
  /** What it was, for messages: "brush stroke". */
  readonly name: string;
  readonly deltas: readonly TileDelta[];
  readonly bytes: number;
}

/** The tiles of an image, row by row, undefined where nothing is labelled, and the pixels of each label. */
export interface LabelTiles {
  readonly tiles: (Uint8Array | undefined)[];
  readonly counts: Uint32Array;
}

/** Cuts rows of labels into tiles. */
export function cutIntoTiles(labels: Uint8Array, width: number, height: number): LabelTiles {
  const tiles: (Uint8Array | undefined)[] = [];
  const counts = new Uint32Array(256);
  for (let top = 0; top < height; top += TILE) {
    for (let left = 0; left < width; left += TILE) {
      let tile: Uint8Array | undefined;
      for (let y = top; y < Math.min(height, top + TILE); y++) {
        for (let x = left; x < Math.min(width, left + TILE); x++) {
          const label = labels[y * width + x]!;
          counts[label]!++;
          if (label === IGNORE_INDEX) continue;
          tile ??= new Uint8Array(AREA).fill(IGNORE_INDEX);
          tile[(y - top) * TILE + x - left] = label;
        }
      }
      tiles.push(tile);
    }
  }
  return { tiles, counts };
}

export class LabelPlane {
  readonly columns: number;
  readonly rows: number;
  /** Pixels by label, index 255 being the unlabelled ones. */
  readonly counts: Uint32Array;
  /** Called with each part that changes. */
  onChange: (box: Box) => void = () => undefined;
  private readonly tiles: (Uint8Array | undefined)[];
  /** The tiles as they were before the edit in progress. */
  private recording: Map<number, Uint8Array | undefined> | undefined;

  constructor(
    readonly width: number,
    readonly height: number,
    content?: LabelTiles,
  ) {
    this.columns = Math.ceil(width / TILE);
    this.rows = Math.ceil(height / TILE);
    this.tiles =
      content?.tiles ?? new Array<Uint8Array | undefined>(this.columns * this.rows).fill(undefined);
    this.counts = content?.counts ?? new Uint32Array(256);
    if (!content) this.counts[IGNORE_INDEX] = width * height;
  }

  get labelledPixels(): number {
    return this.width * this.height - this.counts[IGNORE_INDEX]!;
  }

  /** The label of a pixel; 255 where there is none. */
  get(x: number, y: number): number {
    const tile = this.tiles[(y >> 8) * this.columns + (x >> 8)];
    return tile === undefined ? IGNORE_INDEX : tile[((y & 255) << 8) | (x & 255)]!;
  }

  /** A tile's bytes, row by row; undefined while nothing in it is labelled. Not to be changed. */
  tile(column: number, row: number): Uint8Array | undefined {
    return this.tiles[row * this.columns + column];
  }

  /** The tiles that hold labels, with their numbers, row by row. */
  *used(): Generator<readonly [number, Uint8Array]> {
    for (const [number, tile] of this.tiles.entries()) if (tile) yield [number, tile];
  }

  /** Starts to record an edit. One at a time. */
  begin(): void {
    if (this.recording) throw new Error('an edit is in progress');
    this.recording = new Map();
  }

  get editing(): boolean {
    return this.recording !== undefined;
  }

  /** Sets the pixels of a row from `start` up to but excluding `end`. They must be inside the image. */
  fillRun(y: number, start: number, end: number, label: number): void {
    const row = (y >> 8) * this.columns;
    const at = (y & 255) << 8;
    for (let x = start; x < end;) {
      const column = x >> 8;
      const stop = Math.min(end, (column + 1) << 8);
      const tile = this.writable(row + column, label !== IGNORE_INDEX);
      tile?.fill(label, at | (x & 255), at + ((stop - 1) & 255) + 1);
      x = stop;
    }
    this.onChange({ left: start, top: y, right: end, bottom: y + 1 });
  }

  /**
   * Sets unlabelled pixels of a row to `labels`, which has the row's pixels at `offset` onwards. Pixels whose new
   * label is 255 stay as they are.
   */
  fillUnlabelled(y: number, start: number, end: number, labels: Uint8Array, offset: number): void {
    const row = (y >> 8) * this.columns;
    const at = (y & 255) << 8;
    for (let x = start; x < end;) {
      const stop = Math.min(end, ((x >> 8) + 1) << 8);
      const tile = this.writable(row + (x >> 8), true)!;
      for (let from = offset + x - start; x < stop; x++, from++) {
        const i = at | (x & 255);
        if (tile[i] === IGNORE_INDEX) tile[i] = labels[from]!;
      }
    }
    this.onChange({ left: start, top: y, right: end, bottom: y + 1 });
  }

  private writable(number: number, make: boolean): Uint8Array | undefined {
    if (!this.recording) throw new Error('no edit is in progress');
    const tile = this.tiles[number];
    if (tile === undefined && !make) return undefined;
    if (!this.recording.has(number)) this.recording.set(number, tile?.slice());
    return (this.tiles[number] ??= new Uint8Array(AREA).fill(IGNORE_INDEX));
  }

  /** Ends the edit in progress. Returns undefined if it changed nothing. */
  end(name: string): Edit | undefined {
    const work = this.ending(name);
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
    }
  }

  /** As `end`, with pauses. */
  *ending(name: string): Generator<void, Edit | undefined> {
    const deltas: TileDelta[] = [];
    let bytes = 0;
    for (const [number, before] of this.recording ?? []) {
      const runs = runsBetween(before, this.tiles[number]!);
      if (runs.length === 0) continue;
      for (let i = 0; i < runs.length; i += 3) this.count(runs[i + 1]!, runs[i + 2]!);
      deltas.push({ tile: number, runs });
      bytes += runs.byteLength;
      if (deltas.length % TILES_PER_STEP === 0) yield;
    }
    this.recording = undefined;
    return deltas.length === 0 ? undefined : { name, deltas, bytes };
  }

  /** Undoes an edit that was the last to change the plane, or makes it again. */
  apply({ deltas }: Edit, direction: 'undo' | 'redo'): void {
    if (this.recording) throw new Error('an edit is in progress');
    for (const { tile: number, runs } of deltas) {
      const tile = (this.tiles[number] ??= new Uint8Array(AREA).fill(IGNORE_INDEX));
      let at = 0;
      for (let i = 0; i < runs.length; i += 3) {
        at += runs[i]!;
        const length = runs[i + 1]!;
        const change = direction === 'redo' ? runs[i + 2]! : swapped(runs[i + 2]!);
        tile.fill(change & 255, at, at + length);
        this.count(length, change);
        at += length;
      }
      this.onChange(this.boxOf(number));
    }
  }

  /** Makes an edit's changes on a plane that others have changed: pixels get the labels that the edit gave them. */
  reapply({ deltas }: Edit): void {
    for (const { tile: number, runs } of deltas) {
      const left = (number % this.columns) * TILE;
      const top = Math.floor(number / this.columns) * TILE;
      let at = 0;
      for (let i = 0; i < runs.length; i += 3) {
        at += runs[i]!;
        const end = at + runs[i + 1]!;
        while (at < end) {
          const stop = Math.min(end, (at | 255) + 1);
          const x = left + (at & 255);
          this.fillRun(top + (at >> 8), x, x + stop - at, runs[i + 2]! & 255);
          at = stop;
        }
      }
    }
  }

  private count(length: number, change: number): void {
    this.counts[change >> 8]! -= length;
    this.counts[change & 255]! += length;
  }

  private boxOf(number: number): Box {
    const left = (number % this.columns) * TILE;
    const top = Math.floor(number / this.columns) * TILE;
    return {
      left,
      top,
      right: Math.min(this.width, left + TILE),
      bottom: Math.min(this.height, top + TILE),
    };
  }
}

/** The edit that undoes an edit. */
export function reversed({ name, deltas, bytes }: Edit): Edit {
  return {
    name,
    bytes,
    deltas: deltas.map(({ tile, runs }) => ({
      tile,
      runs: runs.map((value, i) => (i % 3 === 2 ? swapped(value) : value)),
    })),
  };
}

const swapped = (change: number): number => ((change & 255) << 8) | (change >> 8);

/** Longest run that 16 bits hold. */
const LONGEST = 65535;

function runsBetween(before: Uint8Array | undefined, after: Uint8Array): Uint16Array {
  const runs: number[] = [];
  const words = new Uint32Array(after.buffer, after.byteOffset, AREA / 4);
  const oldWords = before && new Uint32Array(before.buffer, before.byteOffset, AREA / 4);
  let last = 0;
  for (let i = 0; i < AREA;) {
    // Four pixels at a time where nothing changed.
    if ((i & 3) === 0 && words[i >> 2] === (oldWords ? oldWords[i >> 2] : 0xffffffff)) {
      i += 4;
      continue;
    }
    const from = before ? before[i]! : IGNORE_INDEX;
    const to = after[i]!;
    if (from === to) {
      i++;
      continue;
    }
    let end = i + 1;
    while (
      end < AREA &&
      end - i < LONGEST &&
      after[end] === to &&
      (before ? before[end] : IGNORE_INDEX) === from
    ) {
      end++;
    }
    // At most 65,535 pixels lie before a changed one, the last of the tile.
    runs.push(i - last, end - i, (from << 8) | to);
    last = end;
    i = end;
  }
  return Uint16Array.from(runs);
}
