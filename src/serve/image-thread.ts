/**
 * Answers for images, made in a thread of their own: a large image keeps its thread busy for seconds, and the server
 * must answer others in the meantime.
 */
import type { LoadOptions } from '../inference/index.js';
import type { Segmenter } from '../inference/index.js';
import { COMPILED, NodeThread } from '../runtime/node-thread.js';
import { HttpError, httpErrorOf, type HttpErrorStatus } from './http-error.js';
import type { ImageAnswer, ImageRequest } from './image-answer.js';
import { answerImage } from './image-answer.js';

export interface ImageAnswers {
  /** Resolves when the model is loaded. */
  ready(): Promise<void>;
  /** Answers a request with the bytes of its body, which it takes. @throws HttpError; `signal.reason` when aborted. */
  answer(bytes: Uint8Array<ArrayBuffer>, request: ImageRequest, signal: AbortSignal): Promise<ImageAnswer>;
  close(): Promise<void>;
}

/** How the thread opens its model. */
export interface ThreadModel extends Pick<LoadOptions, 'device' | 'threads' | 'name'> {
  readonly bytes: Uint8Array;
}

export type ThreadRequest =
  | {
      readonly kind: 'image';
      readonly id: number;
      readonly bytes: Uint8Array;
      readonly request: ImageRequest;
    }
  | { readonly kind: 'ready'; readonly id: number }
  | { readonly kind: 'abort'; readonly id: number; readonly image: number }
  | { readonly kind: 'close'; readonly id: number };

/** An error as it crosses from the thread. `stack` is that of its cause, for the server's log. */
export interface SentError extends Pick<HttpError, 'code' | 'message' | 'retryAfter'> {
  readonly status: HttpErrorStatus;
  readonly stack: string | undefined;
}

export interface ThreadReply {
  readonly id: number;
  readonly answer?: ImageAnswer;
  readonly error?: SentError;
}

/** @param segmenter answers where there is no compiled thread. @param model what a thread loads. */
export function imageAnswers(segmenter: Segmenter, model: ThreadModel): ImageAnswers {
  if (COMPILED) return new ImageThread(model);
  return {
    ready: () => Promise.resolve(),
    answer: (bytes, request, signal) => answerImage(segmenter, bytes, request, signal),
    close: () => Promise.resolve(),
  };
}

class ImageThread implements ImageAnswers {
  private thread: NodeThread<ThreadRequest, ThreadReply>;

  constructor(private readonly model: ThreadModel) {
    this.thread = this.start();
  }

  private start(): NodeThread<ThreadRequest, ThreadReply> {
    return new NodeThread(new URL('./image-worker.js', import.meta.url), 'segments images', this.model);
  }

  async ready(): Promise<void> {
    const { error } = await this.thread.ask({ kind: 'ready', id: this.thread.newId() }, []);
    if (error) throw received(error);
  }

  async answer(
    bytes: Uint8Array<ArrayBuffer>,
    request: ImageRequest,
    signal: AbortSignal,
  ): Promise<ImageAnswer> {
    // One that ran out of memory has ended with all its requests.
    if (this.thread.ended) this.thread = this.start();
    const { thread } = this;
    const id = thread.newId();
    const abort = () =>
      void thread.ask({ kind: 'abort', id: thread.newId(), image: id }, []).catch(() => undefined);
    signal.throwIfAborted();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const { answer, error } = await thread.ask({ kind: 'image', id, bytes, request }, [bytes.buffer]);
      if (answer) return answer;
      signal.throwIfAborted();
      throw received(error!);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    if (this.thread.ended) return;
    await this.thread.ask({ kind: 'close', id: this.thread.newId() }, []);
    await this.thread.terminate();
  }
}

/** An error to be sent from the thread. */
export function sent(error: unknown): SentError {
  const { status, code, message, retryAfter, cause } = httpErrorOf(error);
  return { status, code, message, retryAfter, stack: cause instanceof Error ? cause.stack : undefined };
}

function received({ status, code, message, retryAfter, stack }: SentError): HttpError {
  const cause = stack === undefined ? undefined : Object.assign(new Error(message), { stack });
  return new HttpError(status, code, message, retryAfter, { cause });
}
