import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/made-data.js';
import { ScoreAccumulator } from '../../metrics/index.js';
import { crc32c } from '../../files/crc.js';
import type { EpochRecord, FitContext } from '../index.js';
import { csvLog, csvTable, tensorboardLog } from '../index.js';

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  temporary = await temporaryFolder();
});
afterEach(() => temporary.remove());

function record(epoch: number, classNames: readonly string[], withValid = true): EpochRecord {
  const scores = (loss: number) => {
    const accumulator = new ScoreAccumulator({ classNames });
    accumulator.addSample(Uint8Array.of(0, 1, 1), Uint8Array.of(0, 1, 0));
    accumulator.addLoss({ loss, losses: { bce: loss / 2, dice: loss / 4 } }, 1);
    return accumulator.scores();
  };
  return {
    epoch,
    step: 3 * epoch,
    lr: 1e-3 / epoch,
    seconds: 2.5,
    waitSeconds: 0.5,
    imagesPerSecond: 4,
    train: scores(1 / epoch),
    ...(withValid && { valid: scores(2 / epoch) }),
  };
}

/** A small reader of comma-separated values, with quotes. */
function parseCsv(text: string): string[][] {
  return text
    .replace(/^\ufeff/, '')
    .split('\r\n')
    .slice(0, -1)
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
        quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
      ),
    );
}

describe('csvTable', () => {
  it('has a line an epoch and a column a score', () => {
    const history = [record(1, ['sky', 'tree', 'road']), record(2, ['sky', 'tree', 'road'])];
    const [names, first, second, ...rest] = parseCsv(csvTable(history)) as [string[], string[], string[]];
    expect(rest).toEqual([]);
    expect(names.slice(0, 9)).toEqual([
      'epoch',
      'step',
      'lr',
      'seconds',
      'waitSeconds',
      'imagesPerSecond',
      'train/loss',
      'train/pixelAccuracy',
      'train/meanIoU',
    ]);
    expect(new Set(names).size).toBe(names.length);
    const at = (row: string[], name: string) => row[names.indexOf(name)];
    expect(first.slice(0, 6)).toEqual(['1', '3', '0.001', '2.5', '0.5', '4']);
    expect([at(first, 'train/loss'), at(second, 'train/loss'), at(second, 'valid/loss/bce')]).toEqual([
      '1',
      '0.5',
      '0.5',
    ]);
    expect(at(first, 'valid/iou/tree')).toBe('0.5');
    // Road is nowhere: its scores are undefined.
    expect(at(first, 'valid/iou/road')).toBe('');
    expect([first.length, second.length]).toEqual([names.length, names.length]);
  });

  it('leaves cells empty where only some epochs were validated', () => {
    const rows = parseCsv(csvTable([record(1, ['a', 'b'], false), record(2, ['a', 'b'])]));
    expect(rows[1]!.slice(-4)).toEqual(['', '', '', '']);
    expect(rows.every((row) => row.length === rows[0]!.length)).toBe(true);
  });

  it('quotes names, and marks its encoding where one is beyond ASCII', () => {
    const plain = csvTable([record(1, ['a, "b"', 'c'])]);
    expect(parseCsv(plain)[0]).toContain('train/iou/a, "b"');
    expect(plain).not.toMatch(/^\ufeff/);
    expect(csvTable([record(1, ['Straße', 'c'])])).toMatch(/^\ufeffepoch,/);
    expect(csvTable([])).toBe('\r\n');
  });
});

/** What the callbacks of logs look at. */
const context = (history: readonly EpochRecord[]) => ({ history }) as unknown as FitContext;

describe('csvLog', () => {
  it('writes after every epoch, and is cut back on resuming', async () => {
    const path = join(temporary.path, 'log.csv');
    const history = [record(1, ['a', 'b']), record(2, ['a', 'b'])];
    const log = csvLog(path);
    await log.fitStart!(context([]));
    await log.epochEnd!(context(history.slice(0, 1)), history[0]!);
    await log.epochEnd!(context(history), history[1]!);
    expect(await readFile(path, 'utf8')).toBe(csvTable(history));
    await csvLog(path).fitStart!(context(history.slice(0, 1)));
    expect(await readFile(path, 'utf8')).toBe(csvTable(history.slice(0, 1)));
  });
});

interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly version?: string;
  readonly scalars: Record<string, number>;
}

/** Reads an event file by its definition, checksums included. */
function parseEvents(bytes: Uint8Array): ReadEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const check = (data: Uint8Array, stored: number) => {
    const unmasked = (stored - 0xa282ead8) >>> 0;
    expect(((unmasked >>> 17) | (unmasked << 15)) >>> 0).toBe(crc32c(data));
  };
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    check(bytes.subarray(at, at + 8), view.getUint32(at + 8, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    check(data, view.getUint32(at + 12 + length, true));
    const fields = parseMessage(data);
    const text = (field: Uint8Array) => new TextDecoder().decode(field);
    const number = (field: Uint8Array) => new DataView(field.buffer, field.byteOffset, field.length);
    const one = (id: number) => fields.find(([field]) => field === id)?.[1];
    const summary = one(5) as Uint8Array | undefined;
    const scalars = (summary ? parseMessage(summary) : []).map(([, value]) => {
      const [[, tag], [, scalar]] = parseMessage(value as Uint8Array) as [
        [number, Uint8Array],
        [number, Uint8Array],
      ];
      return [text(tag), number(scalar).getFloat32(0, true)] as const;
    });
    const version = one(3) as Uint8Array | undefined;
    events.push({
      wallTime: number(one(1) as Uint8Array).getFloat64(0, true),
      step: (one(2) as number | undefined) ?? 0,
      ...(version && { version: text(version) }),
      scalars: Object.fromEntries(scalars),
    });
    at += 16 + length;
  }
  return events;
}

/** The fields of a protobuf message: numbers for varints, bytes for all else. */
function parseMessage(bytes: Uint8Array): [field: number, value: number | Uint8Array][] {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const fields: [number, number | Uint8Array][] = [];
  while (at < bytes.length) {
    const tag = varint();
    const take = (length: number) => bytes.subarray(at, (at += length));
    const kind = tag & 7;
    fields.push([tag >>> 3, kind === 0 ? varint() : take(kind === 1 ? 8 : kind === 5 ? 4 : varint())]);
  }
  return fields;
}

describe('tensorboardLog', () => {
  const history = [1, 2, 3].map((epoch) => record(epoch, ['a', 'b']));
  const read = async (part: string) => {
    const [name, ...others] = await readdir(join(temporary.path, part));
    expect(others).toEqual([]);
    expect(name).toMatch(/tfevents/);
    return parseEvents(await readFile(join(temporary.path, part, name!)));
  };

  it('writes a file for each part, with checksums, whose steps are epochs', async () => {
    const log = tensorboardLog(temporary.path);
    const before = Date.now() / 1000;
    await log.fitStart!(context([]));
    for (let i = 0; i < 3; i++) await log.epochEnd!(context(history.slice(0, i + 1)), history[i]!);
    for (const [part, factor] of [
      ['train', 1],
      ['valid', 2],
    ] as const) {
      const [header, ...events] = await read(part);
      expect(header).toMatchObject({ version: 'brain.Event:2', scalars: {} });
      expect(events.map(({ step }) => step)).toEqual([1, 2, 3]);
      expect(events.map(({ scalars }) => scalars.loss)).toEqual(
        [1, 1 / 2, 1 / 3].map((loss) => Math.fround(factor * loss)),
      );
      expect(events[0]!.scalars['iou/b']).toBe(0.5);
      for (const { wallTime } of events) expect(wallTime).toBeGreaterThanOrEqual(before);
      expect('lr' in events[0]!.scalars).toBe(part === 'train');
    }
  });

  it('goes on in the same file after a checkpoint, without what was written beyond it', async () => {
    const log = tensorboardLog(temporary.path);
    await log.fitStart!(context([]));
    await log.epochEnd!(context(history.slice(0, 1)), history[0]!);
    const state = JSON.parse(JSON.stringify(log.state!())) as unknown;
    const kept = await read('valid');
    await log.epochEnd!(context(history.slice(0, 2)), history[1]!);
    const resumed = tensorboardLog(temporary.path);
    resumed.loadState!(state);
    await resumed.fitStart!(context(history.slice(0, 1)));
    expect(await read('valid')).toEqual(kept);
    await resumed.epochEnd!(context(history.slice(0, 2)), history[1]!);
    expect((await read('train')).map(({ step }) => step)).toEqual([0, 1, 2]);
  });

  it('writes no validation where there is none', async () => {
    const log = tensorboardLog(temporary.path);
    const plain = record(1, ['a', 'b'], false);
    await log.fitStart!(context([]));
    await log.epochEnd!(context([plain]), plain);
    expect(await readdir(temporary.path)).toEqual(['train']);
  });
});
