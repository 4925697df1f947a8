import { join } from 'node:path';
import { expect, it } from 'vitest';
import { put, temporaryFolder } from '../../test/support/made-data.js';
import { encodeImage } from '../images/encode.js';
import { NOTHING_LEARNED, type Prediction } from './learning.js';
import { startStudio } from './server.js';

it('ends without an error while a prediction is pending', async () => {
  const { path: root, remove } = await temporaryFolder();
  const data = new Uint8Array(32 * 32);
  await put(join(root, 'a.png'), await encodeImage({ width: 32, height: 32, channels: 1, data }));
  const errors: string[] = [];
  let asked!: () => void;
  const waiting = new Promise<void>((resolve) => (asked = resolve));
  let fail!: (error: Error) => void;
  const studio = await startStudio(root, {
    port: 0,
    page: root,
    onError: ({ message }) => errors.push(message),
    learner: () => ({
      status: NOTHING_LEARNED,
      onEvent: () => undefined,
      setClasses: () => undefined,
      opened: () => undefined,
      labelled: () => undefined,
      predict: () => {
        asked();
        return new Promise<Prediction>((_, reject) => (fail = reject));
      },
      exportTo: () => Promise.reject(new Error('not asked for')),
      // As the thread does: what waits for it is refused.
      close: () => Promise.resolve(fail(new Error('the learner ended'))),
    }),
  });
  const answer = fetch(`${studio.url}api/images/a.png/prediction`).then(
    ({ status }) => status,
    () => 'cut off',
  );
  await waiting;
  await studio.close();
  expect(await answer).toBe('cut off');
  expect(errors).toEqual([]);
  await remove();
});
