/** The page's side of the painter. */
import type { PainterAnswers, PainterMessage, PainterQuestion, PainterReply } from './painting.js';

export class PainterClient {
  private readonly worker = new Worker(new URL('./painter.ts', import.meta.url), {
    type: 'module',
    name: 'painter',
  });
  private readonly waiting = new Map<
    number,
    { resolve: (answer: PainterAnswers[keyof PainterAnswers]) => void; reject: (error: Error) => void }
  >();
  private next = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<PainterReply>) => {
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ('error' in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.answer);
    };
  }

  ask<Q extends PainterQuestion>(
    question: Q,
    transfer: Transferable[] = [],
  ): Promise<PainterAnswers[Q['kind']]> {
    const id = this.next++;
    return new Promise<PainterAnswers[keyof PainterAnswers]>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, question } satisfies PainterMessage, transfer);
    }) as Promise<PainterAnswers[Q['kind']]>;
  }
}
