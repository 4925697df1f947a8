/** The thread that converts images for the page: see `picture-thread.ts`. */
import { parentPort } from 'node:worker_threads';
import { PixelwiseError } from '../errors/index.js';
import { STARTED } from '../runtime/node-thread.js';
import { PictureConverter } from './picture-converter.js';
import type { ThreadReply, ThreadRequest } from './picture-thread.js';

const port = parentPort!;
const converter = new PictureConverter();
const reply = (message: ThreadReply, transfer: readonly ArrayBuffer[] = []) =>
  port.postMessage(message, transfer);

port.on('message', (message: ThreadRequest) => void answer(message));
reply({ id: STARTED });

async function answer({ id, request }: ThreadRequest): Promise<void> {
  try {
    const picture = await converter.picture(request);
    // libvips' memory cannot be transferred: the server's thread would copy it.
    const bytes = picture.bytes.slice();
    reply({ id, picture: { ...picture, bytes } }, [bytes.buffer]);
  } catch (error) {
    const code = error instanceof PixelwiseError ? error.code : 'internal';
    reply({ id, error: { code, message: error instanceof Error ? error.message : String(error) } });
  }
}
