/**
 * TIFFs with several pages in a data set: slices become samples of their own, channels one picture. ImageJ's and OME's
 * metadata say which; else the masks do: a mask with as many pages belongs to slices, a mask with one to channels.
 */
import { PixelwiseError } from '../errors/index.js';
import { isTiffName } from '../images/image-source.js';
import { tiffStructure } from '../images/pixel-file.js';
import type { PageReading } from '../images/tiff/structure.js';
import type { FilePair } from './file-dataset.js';
import { type Finding, finding } from './finding.js';
import { mapParallel } from './parallel.js';
import { spread } from './spread.js';

/** Files looked at; in a larger set whose files looked at have one page each, the rest are taken to have one, too. */
const LOOKED = 256;

/**
 * Replaces pairs of stacks by one pair a slice. All slices of a file are one group, unless there is only one file.
 *
 * Throws `mask-pages` where a stack and its mask have different numbers of slices.
 */
export async function expandPages(
  pairs: readonly FilePair[],
  wanted: PageReading | undefined,
): Promise<{ readonly pairs: readonly FilePair[]; readonly findings: readonly Finding[] }> {
  const tiffs = pairs.filter(({ image }) => isTiffName(image));
  const looked = spread(tiffs.length, LOOKED).map((i) => tiffs[i]!.image);
  const pagesOf = async (files: readonly string[]): Promise<Map<string, Structure>> => {
    const structures = await mapParallel(files.length, 8, (i) => structureOf(files[i]!));
    return new Map(files.map((file, i) => [file, structures[i]!]));
  };
  let images = await pagesOf(looked);
  if ([...images.values()].every(({ pictures }) => pictures === 1)) return { pairs, findings: [] };
  if (looked.length < tiffs.length) images = await pagesOf(tiffs.map(({ image }) => image));

  const out: FilePair[] = [];
  const slices: string[] = [];
  const channels: string[] = [];
  const firsts: string[] = [];
  for (const pair of pairs) {
    const image = images.get(pair.image);
    if (image === undefined || image.pictures === 1) {
      out.push(pair);
      continue;
    }
    const mask = isTiffName(pair.mask) ? (await structureOf(pair.mask)).pictures : 1;
    const reading = wanted ?? (image.known || mask === image.pictures ? 'slices' : 'channels');
    if (reading === 'first') {
      firsts.push(pair.image);
      out.push(pair);
    } else if (reading === 'channels') {
      channels.push(pair.image);
      out.push({ ...pair, page: 'channels' });
    } else {
      if (mask !== image.pictures) {
        throw new PixelwiseError(
          'mask-pages',
          `${pair.image} has ${image.pictures} slices and its mask ${pair.mask} has ${mask}. Save a mask with a page for ` +
            'each slice, or say what the pages are: --pages channels or --pages first.',
        );
      }
      slices.push(pair.image);
      const digits = String(image.pictures).length;
      for (let page = 0; page < image.pictures; page++) {
        const id = `${pair.id}/${String(page + 1).padStart(digits, '0')}`;
        out.push({ ...pair, id, group: pair.group ?? pair.id, page, maskPage: page });
      }
    }
  }
  const findings: Finding[] = [];
  const said = (code: string, files: readonly string[], message: string): void => {
    if (files.length > 0) findings.push(finding('note', code, files, message));
  };
  const count = out.filter(({ page }) => typeof page === 'number').length;
  said(
    'pages-slices',
    slices,
    `TIFFs with several pages are read as stacks: ${count} slices of ${slices.length} files.`,
  );
  said(
    'pages-channels',
    channels,
    `The pages of ${channels.length} TIFFs are read as channels of one image each.`,
  );
  said(
    'pages-first',
    firsts,
    `Of ${firsts.length} TIFFs with several pages only the first page is read, as --pages says.`,
  );
  const groups = new Set(out.map(({ group, id }) => group ?? id));
  if (groups.size > 1 || slices.length === 0) return { pairs: out, findings };
  findings.push(
    finding(
      'warning',
      'pages-one-stack',
      slices,
      'All slices are of one file. Neighbouring slices look alike, so scores on a part of them will be too good.',
      'Add other stacks, or validate on one: --val DIR.',
    ),
  );
  return { pairs: out.map(({ group: _group, ...pair }) => pair), findings };
}

interface Structure {
  readonly pictures: number;
  /** Whether metadata says that they are pictures. */
  readonly known: boolean;
}

/** Files that cannot be opened count as one picture: reading them says what is wrong. */
async function structureOf(file: string): Promise<Structure> {
  const structure = await tiffStructure(file).catch(() => undefined);
  return { pictures: structure?.pictures.length ?? 1, known: structure?.source !== undefined };
}
