/** The thread that answers for images: see `image-thread.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { Segmenter } from '../inference/index.js';
import { STARTED } from '../runtime/node-thread.js';
import { answerImage } from './image-answer.js';
import { sent, type ThreadModel, type ThreadReply, type ThreadRequest } from './image-thread.js';

const port = parentPort!;
const { bytes: model, ...options } = workerData as ThreadModel;
const loading = Segmenter.load(model, options);
// Each request reports the failure.
loading.catch(() => undefined);
const running = new Map<number, AbortController>();

const reply = (message: ThreadReply, transfer: readonly ArrayBuffer[] = []) =>
  port.postMessage(message, transfer);

port.on('message', (request: ThreadRequest) => {
  const { id } = request;
  switch (request.kind) {
    case 'image':
      void answer(request);
      break;
    case 'ready':
      loading.then(
        () => reply({ id }),
        (error: unknown) => reply({ id, error: sent(error) }),
      );
      break;
    case 'abort':
      running.get(request.image)?.abort();
      reply({ id });
      break;
    case 'close':
      void loading
        .then((segmenter) => segmenter.close())
        .catch(() => undefined)
        .then(() => reply({ id }));
  }
});

reply({ id: STARTED });

async function answer({ id, bytes, request }: ThreadRequest & { kind: 'image' }): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const made = await answerImage(await loading, bytes, request, controller.signal);
    // A small body may lie in memory that Node shares among buffers, which cannot be transferred.
    const { buffer, byteLength } = made.body;
    reply({ id, answer: made }, buffer.byteLength === byteLength ? [buffer] : []);
  } catch (error) {
    reply({ id, error: sent(error) });
  } finally {
    running.delete(id);
  }
}
