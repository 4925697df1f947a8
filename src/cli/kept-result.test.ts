import { expect, it } from 'vitest';
import { CapturedStream } from '../../test/captured-stream.js';
import { PixelwiseError, UsageError } from '../errors/index.js';
import { withResultKept } from './kept-result.js';
import { Output } from './output.js';

function output() {
  const [stdout, stderr] = [new CapturedStream(), new CapturedStream()];
  return { stderr, output: new Output({ stdout, stderr, env: { NO_COLOR: '1' }, json: true }) };
}

const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

it.each([
  [
    new PixelwiseError('write-failed', '/out/scores.json could not be written'),
    'write-failed',
    '/out/scores.json could',
  ],
  [full, 'ENOSPC', 'the disk is full (ENOSPC)'],
])('a result is kept where writing it fails: %s', async (failure, code, text) => {
  const { output: out, stderr } = output();
  const result = await withResultKept({ meanIoU: 0.5 }, out, () => Promise.reject(failure));
  expect(result).toMatchObject({
    json: { meanIoU: 0.5, error: { code, message: expect.stringContaining(text) as string } },
    exitCode: 1,
  });
  expect(stderr.text).toContain(`error: ${text}`);
});

it('wrong options and faults of the program are not kept quiet', async () => {
  for (const failure of [new UsageError('--fix /data is not empty'), new TypeError('x is not a function')]) {
    await expect(withResultKept({}, output().output, () => Promise.reject(failure))).rejects.toBe(failure);
  }
});
