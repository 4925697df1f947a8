/**
 * Lists of samples: CSV with a header line, or JSON Lines; keys image, mask, group, split (mask, group and
 * split may be left out or empty). Paths are relative to the list's own folder.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import { stemOf } from '../files.js';
import { officialSplit } from '../split-names.js';

export interface ManifestRow {
  readonly id: string;
  readonly image: string;
  readonly mask: string | undefined;
  readonly group: string | undefined;
  readonly split: string | undefined;
}

const KEYS = ['image', 'mask', 'group', 'split'] as const;

/** True for the endings a manifest may have. */
export function isManifestName(path: string): boolean {
  return /\.(csv|jsonl|ndjson)$/i.test(path);
}

/** Reads a list of samples. Throws `manifest` naming the file and the line. */
export async function readManifest(path: string): Promise<ManifestRow[]> {
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  const records = /\.csv$/i.test(path) ? csvRecords(text, path) : jsonRecords(text, path);
  const folder = dirname(path);
  const seen = new Map<string, number>();
  return records.map(({ line, values }) => {
    const image = values.get('image');
    if (image === undefined || image === '') {
      throw new PixelwiseError('manifest', `${path}, line ${line}: it names no image. Every line needs one.`);
    }
    const id = stemOf(image.replaceAll('\\', '/'));
    const before = seen.get(id);
    if (before !== undefined) {
      throw new PixelwiseError(
        'manifest',
        `${path}, lines ${before} and ${line}: both name ${id}. Leave one out.`,
      );
    }
    seen.set(id, line);
    const given = (key: string): string | undefined => values.get(key) || undefined;
    const mask = given('mask');
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
  readonly values: ReadonlyMap<string, string>;
}

function jsonRecords(text: string, path: string): ManifestRecord[] {
  const records: ManifestRecord[] = [];
  text.split(/\r?\n/).forEach((row, i) => {
    if (row.trim() === '') return;
    let parsed: unknown;
    try {
      parsed = JSON.parse(row);
    } catch (cause) {
      throw new PixelwiseError('manifest', `${path}, line ${i + 1}: not JSON. Write one object a line.`, {
        cause,
      });
    }
    const object = parsed as Record<string, unknown>;
    const values = new Map<string, string>();
    for (const key of KEYS) {
      const value = object[key];
      if (typeof value === 'string' || typeof value === 'number') values.set(key, String(value));
    }
    records.push({ line: i + 1, values });
  });
  return records;
}

function csvRecords(text: string, path: string): ManifestRecord[] {
  const [header, ...rows] = parseCsv(text, path);
  const names = header?.fields.map((name) => name.trim().toLowerCase()) ?? [];
  if (!names.includes('image')) {
    throw new PixelwiseError(
      'manifest',
      `${path}: the first line names the columns ${names.join(', ') || '(none)'}; it needs "image", and may have mask, group, split.`,
    );
  }
  return rows.map(({ line, fields }) => ({
    line,
    values: new Map(names.map((name, i) => [name, (fields[i] ?? '').trim()])),
  }));
}

/** Fields of every non-empty row (RFC 4180: quotes around fields, doubled quotes inside). */
function parseCsv(text: string, path: string): { line: number; fields: string[] }[] {
  const rows: { line: number; fields: string[] }[] = [];
  let fields: string[] = [];
  let field = '';
  let quoted = false;
  let line = 1;
  let started = 1;
  const endRow = (): void => {
    fields.push(field);
    if (fields.length > 1 || field.trim() !== '') rows.push({ line: started, fields });
    fields = [];
    field = '';
  };
  for (let i = 0; i < text.length; i++) {
    const mark = text[i]!;
    if (mark === '\n') line++;
    if (quoted) {
      if (mark !== '"') field += mark;
      else if (text[i + 1] === '"') field += text[i++ + 1]!;
      else quoted = false;
    } else if (mark === '"' && field === '') quoted = true;
    else if (mark === ',') {
      fields.push(field);
      field = '';
    } else if (mark === '\n') {
      endRow();
      started = line;
    } else if (mark !== '\r') field += mark;
  }
  if (quoted) {
    throw new PixelwiseError('manifest', `${path}, line ${started}: a quote is opened and never closed.`);
  }
  endRow();
  return rows;
}
