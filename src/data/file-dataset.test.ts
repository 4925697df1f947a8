import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { put, temporaryFolder } from '../../test/support/made-data.js';
import { findLayout } from './file-dataset.js';

it('names two images that no number of channels holds together', async () => {
  const { path, remove } = await temporaryFolder();
  const plane = { raw: { width: 4, height: 4, channels: 1 as const } };
  const grey = sharp(new Uint8Array(16), plane);
  const files = [join(path, 'one.tif'), join(path, 'five.tif')] as const;
  await put(files[0], await grey.clone().toColourspace('b-w').tiff().toBuffer());
  const five = grey.joinChannel(
    Array.from({ length: 4 }, () => Buffer.alloc(16)),
    plane,
  );
  await put(files[1], await five.toColourspace('multiband').tiff({ compression: 'none' }).toBuffer());
  await expect(findLayout(files)).rejects.toThrow(/one\.tif has 1 channels and .*five\.tif has 5/);
  await remove();
});
