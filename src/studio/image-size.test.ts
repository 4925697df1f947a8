import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/made-data.js';
import { shownSize } from './image-size.js';

it('reads sizes as images are shown, in every format', async () => {
  const { path, remove } = await temporaryFolder();
  const made = () => sharp({ create: { width: 30, height: 20, channels: 3, background: '#345' } });
  const files = {
    'plain.jpg': await made().jpeg().toBuffer(),
    'turned.jpg': await made().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'plain.png': await made().png().toBuffer(),
    'turned.webp': await made().withMetadata({ orientation: 8 }).webp().toBuffer(),
    'plain.tif': await made().tiff().toBuffer(),
  };
  const sizes: Record<string, number[]> = {};
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(path, name), bytes);
    const { width, height } = await shownSize(join(path, name));
    sizes[name] = [width, height];
  }
  expect(sizes).toEqual({
    'plain.jpg': [30, 20],
    'turned.jpg': [20, 30],
    'plain.png': [30, 20],
    'turned.webp': [20, 30],
    'plain.tif': [30, 20],
  });
  await expect(shownSize(join(path, 'missing.png'))).rejects.toMatchObject({ code: 'image-unreadable' });
  await remove();
});
