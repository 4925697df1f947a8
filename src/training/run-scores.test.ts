import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunFolder } from './run-folder.js';
import { parseRunScores, writeRunScores } from './run-scores.js';

let path: string;
beforeAll(async () => void (path = await mkdtemp(join(tmpdir(), 'pixelwise-scores-'))));
afterAll(() => rm(path, { recursive: true }));

it('reads back what it wrote', async () => {
  const folder = new RunFolder(path);
  const valid = { samples: 2, loss: null, pixelAccuracy: 1, meanIoU: null, meanDice: null, classes: [] };
  const scores = { epochs: 3, stopped: 'patience', secondsPerEpoch: 1.5, imagesPerSecond: null } as const;
  await writeRunScores(folder, { ...scores, valid: { ...valid, confusion: [[1, 2]] } });
  const read = parseRunScores(await readFile(folder.scoresPath, 'utf8'), folder.scoresPath);
  const text = await readFile(folder.scoresPath, 'utf8');
  expect(() => parseRunScores(text.replace('"epochs":3', '"epochs":4'), 'scores.json')).toThrow(
    /do not fit its checksum/,
  );
  expect(read).toEqual({ version: 1, ...scores, valid: { ...valid, confusion: [[1, 2]] } });
});

it.each([
  ['half a file', '{"version":1,', /scores.json is damaged: it is not JSON/],
  ['another layout', '{"version":2}', /of another version: version/],
  ['a wrong entry', '{"version":1,"epochs":"three"}', /of another version: epochs/],
])('names what is wrong with %s', (_, text, message) => {
  expect(() => parseRunScores(text, 'scores.json')).toThrow(message);
});
