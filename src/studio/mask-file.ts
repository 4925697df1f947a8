/**
 * The masks of a project as files: PNGs with a palette whose indices are the classes, 255 for unlabelled pixels. A text
 * chunk tells how many changes of the project the mask holds, so that after a crash only the others are made again.
 */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { decodeStoredMask } from '../images/decode-mask.js';
import { type Colour, classColour } from '../images/palette.js';
import { pngChunk, pngHeaderChunks, unfilteredRows } from '../images/png-chunks.js';
import type { ClassMask } from '../images/raster.js';
import { IGNORE_INDEX } from '../labels/ignore-index.js';

const deflateAsync = promisify(deflate);

/** PNG keyword of the number of changes (PNG specification, 11.3.4.3). */
const KEYWORD = 'pixelwise-changes';

/** Fast: labels are flat, so that a higher level saves little. */
const LEVEL = 3;

/** 256 RGB triples: the classes' colours, and light grey for unlabelled pixels. */
export function maskPalette(colours: readonly Colour[]): Uint8Array {
  const palette = new Uint8Array(256 * 3);
  for (let index = 0; index < 256; index++) palette.set(colours[index] ?? classColour(index), 3 * index);
  palette.set(classColour(IGNORE_INDEX), 3 * IGNORE_INDEX);
  return palette;
}

/**
 * Encodes classes as a PNG with a palette. The values are copied before the first pause, so they may change afterwards.
 *
 * @param changes for masks of the project: the number of its changes that it holds.
 */
export async function encodeLabels(
  { width, height, data }: ClassMask,
  palette: Uint8Array,
  changes?: number,
): Promise<Buffer<ArrayBuffer>> {
  const rows = unfilteredRows(data, width);
  const [signature, header, ...rest] = pngHeaderChunks(width, height, 8, palette);
  const text =
    changes === undefined ? [] : [pngChunk('tEXt', Buffer.from(`${KEYWORD}\0${changes}`, 'latin1'))];
  const pixels = await deflateAsync(rows, { level: LEVEL });
  return Buffer.concat([
    signature!,
    header!,
    ...text,
    ...rest,
    pngChunk('IDAT', pixels),
    pngChunk('IEND', new Uint8Array(0)),
  ]);
}

/** The values of a mask file, and the number of changes that it holds: 0 if another program wrote it. */
export async function readLabels(path: string): Promise<ClassMask & { readonly changes: number }> {
  const bytes = await readFile(path);
  const { width, height, channels, data } = await decodeStoredMask(bytes);
  if (channels !== 1 || !(data instanceof Uint8Array)) {
    throw new TypeError(`${path} does not hold class indices.`);
  }
  return { width, height, data, changes: changesIn(bytes) };
}

function changesIn(bytes: Buffer): number {
  // The chunk comes right after the header, within the first bytes. After its text comes a checksum, which may begin with
  // a byte that is a digit.
  const head = bytes.subarray(0, 256).toString('latin1');
  const at = head.indexOf(`tEXt${KEYWORD}\0`);
  if (at < 4) return 0;
  const end = at + 4 + bytes.readUInt32BE(at - 4);
  return Number.parseInt(head.slice(at + 4 + KEYWORD.length + 1, end), 10) || 0;
}
