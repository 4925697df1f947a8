/**
 * Pictures of images that browsers do not show as they are (TIFF, 16 bits and others), made in a thread of their own:
 * decoding a large TIFF keeps its thread busy for a second or more, and the server must answer others in the meantime.
 */
import { PixelwiseError } from '../errors/index.js';
import { COMPILED, NodeThread } from '../runtime/node-thread.js';
import { PictureConverter, type PictureRequest } from './picture-converter.js';
import { nativePicture, type ShownImage } from './shown-image.js';

export interface ThreadRequest {
  readonly id: number;
  readonly request: PictureRequest;
}

export interface ThreadReply {
  readonly id: number;
  readonly picture?: ShownImage;
  /** An error as it crosses from the thread. */
  readonly error?: { readonly code: string; readonly message: string };
}

export class Pictures {
  private thread: NodeThread<ThreadRequest, ThreadReply> | undefined;
  /** Where there is no compiled thread: in tests. */
  private readonly converter = new PictureConverter();

  /** The picture that the page shows. Throws as `decodeImage`. */
  async picture(request: PictureRequest): Promise<ShownImage> {
    const native = await nativePicture(request.file, request.level);
    if (native) return native;
    if (!COMPILED) return this.converter.picture(request);
    // One that ran out of memory has ended.
    if (this.thread?.ended !== false) {
      this.thread = new NodeThread(new URL('./picture-worker.js', import.meta.url), 'converts images');
    }
    const { picture, error } = await this.thread.ask({ id: this.thread.newId(), request }, []);
    if (picture) return picture;
    throw new PixelwiseError(error!.code, error!.message);
  }

  async close(): Promise<void> {
    this.converter.close();
    await this.thread?.terminate();
  }
}
