/** Images whose pixels are indices (of classes or palette entries) instead of brightness. */

/** One value per pixel as the file stores it, with the palette if there is one. */
export interface IndexedRaster {
  readonly width: number;
  readonly height: number;
  /** H×W, rows from the top. */
  readonly data: Uint8Array | Uint16Array;
  /** RGB triples by index; absent if the values are grey levels. */
  readonly palette?: Uint8Array | undefined;
}

/** Whether every palette entry is grey. */
export function isGreyPalette(palette: Uint8Array): boolean {
  for (let i = 0; i < palette.length; i += 3) {
    if (palette[i] !== palette[i + 1] || palette[i] !== palette[i + 2]) return false;
  }
  return true;
}
