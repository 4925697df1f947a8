/** Tiles of the open image at the scales that are looked at, requested from the worker as they are needed. */
import { IMAGE_TILE, type RasterClient } from './rasters.js';

export interface ImageTile {
  readonly level: number;
  readonly column: number;
  readonly row: number;
  readonly bitmap: ImageBitmap;
  /** What the renderer made of it. */
  texture?: WebGLTexture;
}

/** Tiles that are kept: 256 of them take 256 MB. */
const MOST_TILES = 256;
/** Requests at a time. */
const MOST_REQUESTS = 4;

export class ImageTiles {
  /** The level at which the image is one tile. */
  readonly coarsest: number;
  private readonly tiles = new Map<string, ImageTile>();
  private readonly requested = new Set<string>();
  private closed = false;
  /** Whether the worker has the image. */
  private opened = false;
  /** Changes when the worker opens the image with another window, so that late tiles of the old one are not taken. */
  private generation = 0;

  constructor(
    private readonly rasters: RasterClient,
    readonly width: number,
    readonly height: number,
    private readonly onTile: () => void,
    /** Frees what the renderer made of a tile. */
    private readonly onDrop: (tile: ImageTile) => void,
    /** A picture of the whole image that stands in where tiles are missing. */
    private readonly first: ImageTile | undefined,
  ) {
    this.coarsest = Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / IMAGE_TILE)));
  }

  /** Requests tiles from now on: the worker has opened the image. */
  open(): void {
    this.opened = true;
    this.onTile();
  }

  /** Requests all tiles again, where the worker has opened the image with another window. */
  renew(): void {
    this.generation++;
    this.requested.clear();
    // The tiles of the old window stay until the new ones are there.
    this.onTile();
  }

  /**
   * The tiles to draw for a part of the image, coarse ones first. Where a tile is still missing it is requested, and
   * a coarser one stands in.
   */
  visible(level: number, left: number, top: number, right: number, bottom: number): ImageTile[] {
    const wanted = Math.min(level, this.coarsest);
    const found = new Set<ImageTile>();
    const side = IMAGE_TILE * 2 ** wanted;
    const columns = Math.ceil(this.width / side);
    const rows = Math.ceil(this.height / side);
    this.get(this.coarsest, 0, 0);
    for (
      let row = Math.max(0, Math.floor(top / side));
      row < Math.min(rows, Math.ceil(bottom / side));
      row++
    ) {
      for (
        let column = Math.max(0, Math.floor(left / side));
        column < Math.min(columns, Math.ceil(right / side));
        column++
      ) {
        const tile = this.get(wanted, column, row) ?? this.coarser(wanted, column, row) ?? this.first;
        if (tile) found.add(tile);
      }
    }
    return [...found].sort((a, b) => b.level - a.level);
  }

  private get(level: number, column: number, row: number): ImageTile | undefined {
    const key = `${level}/${column}/${row}`;
    const name = `${this.generation}/${key}`;
    const tile = this.tiles.get(key);
    if (tile) {
      this.tiles.delete(key);
      this.tiles.set(key, tile);
    }
    if (!this.fresh.has(name)) this.request(name, key, level, column, row);
    return tile;
  }

  /** Tiles that are there in the window of now. */
  private readonly fresh = new Set<string>();

  private coarser(level: number, column: number, row: number): ImageTile | undefined {
    for (let up = level + 1; up <= this.coarsest; up++) {
      const tile = this.tiles.get(`${up}/${column >> (up - level)}/${row >> (up - level)}`);
      if (tile) return tile;
    }
    return undefined;
  }

  private request(name: string, key: string, level: number, column: number, row: number): void {
    if (this.requested.has(name) || this.requested.size >= MOST_REQUESTS || !this.opened || this.closed)
      return;
    this.requested.add(name);
    const { generation } = this;
    void this.rasters
      .ask({ kind: 'tile', level, column, row })
      .then((bitmap) => {
        this.requested.delete(name);
        if (!bitmap) return;
        if (this.closed || generation !== this.generation) {
          bitmap.close();
          return;
        }
        const old = this.tiles.get(key);
        if (old) this.drop(key, old);
        this.tiles.set(key, { level, column, row, bitmap });
        this.fresh.add(name);
        this.dropOldest();
        this.onTile();
      })
      .catch(() => this.requested.delete(name));
  }

  private dropOldest(): void {
    for (const [key, tile] of this.tiles) {
      if (this.tiles.size <= MOST_TILES) return;
      if (tile.level < this.coarsest) this.drop(key, tile);
    }
  }

  private drop(key: string, tile: ImageTile): void {
    this.tiles.delete(key);
    this.fresh.delete(`${this.generation}/${key}`);
    this.onDrop(tile);
    tile.bitmap.close();
  }

  close(): void {
    this.closed = true;
    for (const [key, tile] of this.tiles) this.drop(key, tile);
    if (this.first) this.onDrop(this.first);
    this.first?.bitmap.close();
  }
}
