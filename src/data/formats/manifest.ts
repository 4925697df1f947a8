/**
 * Lists of samples: a table with a header line, or JSON Lines. Columns are image, mask, group and split, or
 * names that mean the same; all but image may be left out or empty. Paths are relative to the list's own folder.
 */
import { dirname, resolve } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { stemOf } from '../files.js';
import { officialSplit } from '../split-names.js';
import { readText } from '../text-file.js';
import { readTable } from './table.js';

export interface ManifestRow {
  readonly id: string;
  readonly image: string;
  readonly mask: string | undefined;
  readonly group: string | undefined;
  readonly split: string | undefined;
}

/** What each column may be called. Names are compared in lower case, without spaces, dashes and underscores. */
const COLUMNS = {
  image: [
    'image',
    'imagepath',
    'imagefile',
    'imagefilename',
    'imagename',
    'img',
    'imgpath',
    'input',
    'file',
    'filename',
    'path',
    'imageid',
  ],
  mask: [
    'mask',
    'maskpath',
    'maskfile',
    'maskfilename',
    'maskname',
    'label',
    'labelpath',
    'labelfile',
    'annotation',
    'annotationpath',
    'segmentation',
    'gt',
    'groundtruth',
    'target',
  ],
  group: ['group', 'groupid', 'patient', 'patientid', 'case', 'caseid', 'subject', 'subjectid'],
  split: ['split', 'part', 'subset', 'fold', 'set', 'partition'],
} as const;

type Key = keyof typeof COLUMNS;
const KEYS = Object.keys(COLUMNS) as Key[];

/** True for the endings a manifest may have. */
export function isManifestName(path: string): boolean {
  return /\.(csv|tsv|jsonl|ndjson)$/i.test(path);
}

/** Reads a list of samples. Throws `manifest` naming the file and the line. */
export async function readManifest(path: string): Promise<ManifestRow[]> {
  const records = /\.[ct]sv$/i.test(path) ? await tableRecords(path) : await jsonRecords(path);
  const folder = dirname(path);
  const seen = new Map<string, number>();
  return records.map(({ line, values }) => {
    const given = (key: Key): string | undefined => values.get(key) || undefined;
    const image = given('image')?.replaceAll('\\', '/');
    if (image === undefined) {
      throw new PixelwiseError('manifest', `${path}, line ${line}: it names no image. Every line needs one.`);
    }
    const id = stemOf(image);
    const before = seen.get(id);
    if (before !== undefined) {
      throw new PixelwiseError(
        'manifest',
        `${path}, lines ${before} and ${line}: both name ${id}. Leave one out.`,
      );
    }
    seen.set(id, line);
    const mask = given('mask')?.replaceAll('\\', '/');
    const split = given('split');
    return {
      id,
      image: resolve(folder, image),
      mask: mask === undefined ? undefined : resolve(folder, mask),
      group: given('group'),
      split: split === undefined ? undefined : officialSplit(split),
    };
  });
}

interface ManifestRecord {
  readonly line: number;
  readonly values: ReadonlyMap<Key, string>;
}

async function jsonRecords(path: string): Promise<ManifestRecord[]> {
  const records: ManifestRecord[] = [];
  (await readText(path)).split(/\r?\n/).forEach((row, i) => {
    if (row.trim() === '') return;
    let parsed: unknown;
    try {
      parsed = JSON.parse(row);
    } catch (cause) {
      throw new PixelwiseError('manifest', `${path}, line ${i + 1}: not JSON. Write one object a line.`, {
        cause,
      });
    }
    const object = Object.entries(parsed as Record<string, unknown>);
    const columns = keysOf(object.map(([name]) => name));
    const values = new Map<Key, string>();
    for (const [key, at] of columns) {
      const value = object[at]![1];
      if (typeof value === 'string' || typeof value === 'number') values.set(key, String(value));
    }
    records.push({ line: i + 1, values });
  });
  return records;
}

async function tableRecords(path: string): Promise<ManifestRecord[]> {
  const { columns, rows } = await readTable(path);
  const keys = keysOf(columns);
  if (!keys.has('image')) {
    throw new PixelwiseError(
      'manifest',
      `${path}: the first line names the columns ${columns.join(', ') || '(none)'}; it needs "image", and may have mask, group, split.`,
    );
  }
  return rows.map(({ line, fields }) => ({
    line,
    values: new Map([...keys].map(([key, at]) => [key, fields[at] ?? ''])),
  }));
}

/** Which column holds what. */
function keysOf(columns: readonly string[]): Map<Key, number> {
  const plain = columns.map((name) => name.toLowerCase().replace(/[\s_-]/g, ''));
  const found = new Map<Key, number>();
  for (const key of KEYS) {
    for (const name of COLUMNS[key]) {
      const at = plain.indexOf(name);
      if (at === -1 || found.has(key)) continue;
      found.set(key, at);
    }
  }
  return found;
}
