/** The page's side of the painter. */
import type { PainterAnswers, PainterQuestion } from './painting.js';
import { WorkerClient } from './worker-client.js';

export class PainterClient extends WorkerClient<PainterQuestion, PainterAnswers> {
  constructor() {
    super(new Worker(new URL('./painter.ts', import.meta.url), { type: 'module', name: 'painter' }));
  }
}
