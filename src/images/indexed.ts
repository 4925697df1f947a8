/** Pixels that stand for something (a class, a palette entry) rather than for light. */

/** One value a pixel, exactly as the file stores it, with the palette where it has one. */
export interface IndexedRaster {
  readonly width: number;
  readonly height: number;
  /** H×W, rows from the top. */
  readonly data: Uint8Array | Uint16Array;
  /** RGB triples by index, for files that store indices; absent where values are grey levels. */
  readonly palette?: Uint8Array | undefined;
}

/** True where every palette entry is a grey. */
export function isGreyPalette(palette: Uint8Array): boolean {
  for (let i = 0; i < palette.length; i += 3) {
    if (palette[i] !== palette[i + 1] || palette[i] !== palette[i + 2]) return false;
  }
  return true;
}
